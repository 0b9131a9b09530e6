/** Picture files that are wrong on purpose, and what must become of each. */
import { sharp } from "@armature/images";
import { animatedWebp, gif, tiff } from "@armature/images/testing/odd-pictures";

/** `refused`: taking it is a fault. `either`: it may still be a picture; then it is no larger than its header says. */
type Expectation = "refused" | "either";

export interface HostilePicture {
  file: Buffer;
  expected: Expectation;
}

const SIDE = 96;
/** The canvases whose product no limit allows, in the formats whose header can say so. */
const HUGE = 16_000;
const MANY_FRAMES = 80_000;

/** A picture with many levels in each format, so that every part of a file matters. */
export async function soundPictures(random: () => number): Promise<[format: string, file: Buffer][]> {
  const pixels = Buffer.from(Array.from({ length: 3 * SIDE * SIDE }, () => Math.floor(random() * 256)));
  const picture = () => sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } });
  return [
    ["JPEG", await picture().jpeg().toBuffer()],
    ["progressive JPEG", await picture().jpeg({ progressive: true }).toBuffer()],
    ["PNG", await picture().png().toBuffer()],
    ["WebP", await picture().webp().toBuffer()],
    ["AVIF", await picture().avif({ effort: 0 }).toBuffer()],
    ["GIF", await picture().gif().toBuffer()],
    ["TIFF", await picture().tiff({ compression: "lzw" }).toBuffer()],
  ];
}

/** Up to twenty bytes changed, behind the signature. */
export function mutated(sound: Buffer, random: () => number): HostilePicture {
  const file = Buffer.from(sound);
  for (let i = Math.ceil(random() * 20); i > 0; i--) {
    file[12 + Math.floor(random() * (file.length - 12))] = Math.floor(random() * 256);
  }
  return { file, expected: "either" };
}

/** Cut between a twentieth and four fifths: what lacks less may be a last row of blocks. */
export function truncated(sound: Buffer, random: () => number): HostilePicture {
  return { file: sound.subarray(0, Math.floor(sound.length * (0.05 + 0.75 * random()))), expected: "refused" };
}

/** A right signature, and noise behind it. */
export function noise(sound: Buffer, random: () => number): HostilePicture {
  const rest = Buffer.from(Array.from({ length: 4_000 }, () => Math.floor(random() * 256)));
  return { file: Buffer.concat([sound.subarray(0, 12), rest]), expected: "either" };
}

/** Small files that claim more pixels than any limit allows. */
export async function bombs(): Promise<HostilePicture[]> {
  const large = sharp({ create: { width: 9_000, height: 9_000, channels: 3, background: "#000" } });
  const grey = { width: HUGE, height: HUGE, bits: 8, colours: 1, channels: 1, data: Buffer.alloc(8) };
  const files = [
    await large.clone().png().toBuffer(),
    await large.clone().jpeg().toBuffer(),
    animatedWebp(await onePixel().webp({ lossless: true }).toBuffer(), HUGE, 1),
    gif([HUGE, HUGE], [1, 1]),
    tiff(grey),
  ];
  return files.map((file) => ({ file, expected: "refused" }));
}

/** Frames, pages and scans without end in files of a few megabytes. */
export async function manyFrames(): Promise<HostilePicture[]> {
  const grey = { width: 1, height: 1, bits: 8, colours: 1, channels: 1, data: Buffer.from([9]) };
  const files = [
    animatedWebp(await onePixel().webp({ lossless: true }).toBuffer(), 16, MANY_FRAMES),
    gif([16, 16], [1, 1], MANY_FRAMES),
    tiff(grey, MANY_FRAMES),
    manyScans(await onePixel().jpeg({ progressive: true }).toBuffer(), 1_000),
  ];
  return files.map((file) => ({ file, expected: "refused" }));
}

function manyScans(progressive: Buffer, scans: number): Buffer {
  const last = progressive.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scan = progressive.subarray(last, -2);
  return Buffer.concat([progressive.subarray(0, last), ...Array(scans).fill(scan), progressive.subarray(-2)]);
}

const onePixel = () => sharp({ create: { width: 1, height: 1, channels: 3, background: "#d02030" } });
