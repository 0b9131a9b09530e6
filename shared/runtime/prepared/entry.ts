/** One prepared form on the disk: a folder with the optimised graph, its weights, and a manifest that tells whether both are whole. */
import { createReadStream } from "node:fs";
import { readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { unlessVanished } from "@armature/core";
import { z } from "zod";

export const GRAPH_FILE = "graph.onnx";
export const WEIGHTS_FILE = "weights.bin";
const MANIFEST_FILE = "manifest.json";
const CHECKED_FILE = "checked.json";

const FileSum = z.object({ bytes: z.number(), crc32: z.number() });

const Manifest = z.object({ key: z.string(), graph: FileSum, weights: FileSum });

/** Writes the manifest of an entry whose files are complete. */
export async function sealEntry(folder: string, key: string): Promise<void> {
  const [graph, weights] = [await fileSum(join(folder, GRAPH_FILE)), await fileSum(join(folder, WEIGHTS_FILE))];
  await writeFile(join(folder, MANIFEST_FILE), JSON.stringify({ key, graph, weights }));
  await noteChecked(folder, weights.crc32);
}

/** What an entry holds: `absent` if there is none; `damaged` if it is not, byte for byte, what was sealed under this key. */
export async function checkEntry(folder: string, key: string): Promise<"absent" | "damaged" | "whole"> {
  // first the folder: one that is renamed into place after a look at its manifest would seem to have none
  if (!(await exists(folder))) return "absent";
  if (await isWholeEntry(folder, key).catch(() => false)) return "whole";
  return (await exists(folder)) ? "damaged" : "absent";
}

async function isWholeEntry(folder: string, key: string): Promise<boolean> {
  const manifest = Manifest.parse(JSON.parse(await readFile(join(folder, MANIFEST_FILE), "utf8")));
  if (manifest.key !== key || !(await isWhole(join(folder, GRAPH_FILE), manifest.graph))) return false;
  return weightsAreWhole(folder, manifest);
}

/** Bytes of an entry and when it was last used: never, where a file of it is missing. Undefined if there is no such entry. */
export async function entryUse(folder: string): Promise<{ bytes: number; usedMs: number } | undefined> {
  const manifest = await unlessVanished(stat(join(folder, MANIFEST_FILE)));
  const weights = await unlessVanished(stat(join(folder, WEIGHTS_FILE)));
  if (manifest && weights) return { bytes: weights.size, usedMs: manifest.mtimeMs };
  return (await exists(folder)) ? { bytes: 0, usedMs: 0 } : undefined;
}

/** Notes that an entry is in use; on a read-only disk nothing is noted. */
export async function touchEntry(folder: string): Promise<void> {
  const now = new Date();
  await utimes(join(folder, MANIFEST_FILE), now, now).catch(() => {});
}

/**
 * The weights are read whole once, after which their inode and times vouch for them: a write into them changes those, and
 * a copy on another disk has others.
 */
async function weightsAreWhole(folder: string, { weights }: z.infer<typeof Manifest>): Promise<boolean> {
  const checked = await readFile(join(folder, CHECKED_FILE), "utf8").catch(() => "");
  if (checked === (await checkMark(folder, weights.crc32))) return true;
  if (!(await isWhole(join(folder, WEIGHTS_FILE), weights))) return false;
  await noteChecked(folder, weights.crc32);
  return true;
}

/** Notes that the weights were read whole. On a read-only disk nothing is noted, and the next start reads them again. */
async function noteChecked(folder: string, sum: number): Promise<void> {
  await writeFile(join(folder, CHECKED_FILE), await checkMark(folder, sum)).catch(() => {});
}

async function checkMark(folder: string, sum: number): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(join(folder, WEIGHTS_FILE), { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs, sum].join(" ");
}

async function isWhole(file: string, expected: z.infer<typeof FileSum>): Promise<boolean> {
  if ((await stat(file)).size !== expected.bytes) return false;
  return (await fileSum(file)).crc32 === expected.crc32;
}

/** CRC-32: against accidents, not against people who may write into the cache anyway. 2 GB/s and more. */
async function fileSum(file: string): Promise<z.infer<typeof FileSum>> {
  let sum = 0;
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 4 * 2 ** 20 }) as AsyncIterable<Buffer>) {
    sum = crc32(chunk, sum);
    bytes += chunk.length;
  }
  return { bytes, crc32: sum };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
