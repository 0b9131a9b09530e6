/** Hostile pictures: files that are broken, cut, or claim too much, a row per kind and format. */
import { AppError } from "@armature/core";
import { seededRandom } from "@armature/fetch/testing/faults";
import { decodeImage, pictureHeader } from "@armature/images";
import type { FaultRow } from "./fault-row.js";
import {
  bombs,
  type HostilePicture,
  manyFrames,
  mutated,
  noise,
  soundPictures,
  truncated,
} from "./hostile-pictures.js";

const LIMITS = { maxPixels: 50_000_000, timeoutS: 10 };
/** How long a picture may take beyond its limit: a killed decoder is noticed, and a new one is started. */
const MARGIN_MS = 5_000;

const KINDS = [
  ["bytes changed", mutated],
  ["cut off", truncated],
  ["noise behind its signature", noise],
] as const;

/**
 * Decodes about `cases` wrong pictures, and a sound one after each kind. The same seed gives the same pictures. One held if it was refused by a
 * clear error, in time, or was taken where it may be, in its own size.
 */
export async function hostilePictures(cases: number, seed: number): Promise<FaultRow[]> {
  const random = seededRandom(seed);
  const sound = await soundPictures(random);
  const perRow = Math.max(1, Math.round(cases / (KINDS.length * sound.length)));
  const rows: FaultRow[] = [];
  for (const [name, make] of KINDS) {
    for (const [format, file] of sound) {
      const pictures = Array.from({ length: perRow }, () => make(file, random));
      rows.push(await tried(`${format}: ${name}`, pictures, file));
    }
  }
  const [[, file] = ["", Buffer.alloc(0)]] = sound;
  rows.push(await tried("more pixels than allowed, in a small file", await bombs(), file));
  rows.push(await tried("80,000 frames or pages, 1,000 scans", await manyFrames(), file));
  return rows;
}

async function tried(kind: string, pictures: readonly HostilePicture[], sound: Buffer): Promise<FaultRow> {
  const row: FaultRow = { kind: `picture, ${kind}`, tried: 0, held: 0 };
  for (const [i, picture] of pictures.entries()) {
    const broken = (await wrongWith(picture)) ?? (await lostAfter(i, pictures.length, sound));
    row.tried++;
    if (broken === undefined) row.held++;
    else row.worst ??= `picture ${i + 1}: ${broken}`;
  }
  return row;
}

/** What did not hold; undefined where all did. */
async function wrongWith({ file, expected }: HostilePicture): Promise<string | undefined> {
  const start = performance.now();
  const taken = await decodeImage(file, LIMITS).catch((error: unknown) => error);
  const ms = performance.now() - start;
  if (ms > LIMITS.timeoutS * 1000 + MARGIN_MS) return `took ${ms.toFixed(0)} ms`;
  if (taken instanceof Error) return taken instanceof AppError ? undefined : `no clear error: ${taken.message}`;
  if (expected === "refused") return "taken as a picture";
  const { width, height } = taken as Awaited<ReturnType<typeof decodeImage>>;
  const said = pictureHeader(file);
  return width * height <= said.width * said.height ? undefined : `${width}x${height}, more than it said`;
}

/** Whether a sound picture is decoded behind the last of a kind. */
async function lostAfter(index: number, count: number, sound: Buffer): Promise<string | undefined> {
  if (index < count - 1) return undefined;
  return decodeImage(sound, LIMITS).then(
    () => undefined,
    (error: Error) => `a sound one behind it failed: ${error.message}`,
  );
}
