/** Tells a JPEG that lacks its last bytes, which browsers show, from one that was cut in the middle. */
import type { RgbImage } from "@armature/pixels";
import { hasAllScans, type JpegLayout, jpegLayout } from "../headers/jpeg.js";
import { damaged } from "../picture-header.js";

const END = Buffer.from([0xff, 0xd9]);
/** What stands in for lost data. By chance one may look like the flat colour that libjpeg puts there; two hardly do. */
const STAND_INS = [1, 2];
const STAND_IN_BYTES = 8;
/** Of the picture's pixels. In a picture of one row of blocks, the last row is all of it. */
const MOST_LOST = 0.02;
/** libvips decodes in strips of 8 lines, and looks for libjpeg's warnings before each: what it met in the last one it does not tell. */
const UNTOLD_LINES = 8;
/** How libjpeg words its warnings. */
const OUT_OF_DATA = /premature end of JPEG image/;
const CORRUPT = /Corrupt JPEG data: (?!bad ICC)|Inconsistent progression sequence/;
const WARNING = "A JPEG lacks its last bytes; what was lost lies in its last row of blocks, and it was taken as it is";

export interface DecodedPixels {
  image: RgbImage;
  warning?: string | undefined;
}

export interface DecodeManner {
  /** "error" passes photographs with harmless irregularities, and also some whose data end too soon; "warning" neither. */
  failOn: "warning" | "error";
  /** Whether the EXIF orientation is applied. */
  upright: boolean;
}

/**
 * Decodes a JPEG. Where the decoder warns, where the end marker is missing, and where the picture is so small that 8 lines are much of
 * it, the file is decoded with other data behind its last byte, too: what differs then was lost. Throws
 * UnsupportedImage where that is more than the last row of blocks, 8 or 16 lines, or than 2 % of the picture, where whole scans are
 * missing, and where the data are wrong before they end.
 */
export async function wholeJpeg(
  file: Buffer,
  decode: (file: Buffer, manner: DecodeManner) => Promise<RgbImage>,
): Promise<DecodedPixels> {
  if (!hasAllScans(file)) throw damaged("JPEG");
  const layout = jpegLayout(file);
  const ended = layout.end !== undefined;
  let cause: unknown;
  try {
    const image = await decode(file, { failOn: "warning", upright: true });
    if (ended && Math.min(image.width, image.height) * MOST_LOST >= UNTOLD_LINES) return { image };
  } catch (warning) {
    cause = warning;
  }
  if (isCorrupt(cause)) throw damaged("JPEG", cause);
  const data = withoutEnd(file, layout);
  const stored = (rest: Buffer) => decode(Buffer.concat([data, rest, END]), { failOn: "error", upright: false });
  const shown = await stored(Buffer.alloc(0));
  let lost = 0; // pixels
  for (const seed of STAND_INS) {
    lost = Math.max(lost, lostPixels(shown, await stored(standIn(data, layout, seed)), layout));
  }
  if (lost > MOST_LOST * shown.width * shown.height) throw damaged("JPEG", cause);
  const image = await decode(Buffer.concat([data, END]), { failOn: "error", upright: true });
  return { image, warning: lost > 0 || !ended ? WARNING : undefined };
}

/**
 * Whether libjpeg found wrong data in the file, and not only its end too soon: a hole, or bits that changed. What follows them is
 * shifted, wherever the data end. A profile that does not fit together does not change a level.
 */
function isCorrupt(cause: unknown): boolean {
  const lines = cause instanceof Error ? cause.message.split("\n") : [];
  const first = lines.find((line) => OUT_OF_DATA.test(line) || CORRUPT.test(line));
  return first !== undefined && CORRUPT.test(first);
}

/** The file up to its end of image; half a marker at the cut would swallow what is put behind it. */
function withoutEnd(file: Buffer, { end = file.length }: JpegLayout): Buffer {
  let length = end;
  while (file[length - 1] === 0xff) length--;
  return file.subarray(0, length);
}

/** Data for the blocks that may be missing, with the restart markers that the decoder will look for between them. */
function standIn(data: Buffer, { restartInterval, blocks }: JpegLayout, seed: number): Buffer {
  const intervals = restartInterval > 0 ? Math.ceil(blocks / restartInterval) : 1;
  const bytes = Buffer.alloc(intervals * (STAND_IN_BYTES + 2));
  let [at, restart, random] = [0, lastRestart(data), seed];
  for (let i = 0; i < intervals; i++) {
    for (let k = 0; k < STAND_IN_BYTES; k++) {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      bytes[at++] = (random >>> 24) % 255; // 255 would begin a marker
    }
    if (restartInterval === 0) break;
    restart = (restart + 1) % 8;
    bytes[at++] = 0xff;
    bytes[at++] = 0xd0 + restart;
  }
  return bytes.subarray(0, at);
}

/** The number of the last restart marker of the last scan, 0 to 7; they are counted from 0 in each. */
function lastRestart(data: Buffer): number {
  for (let at = data.length - 2; at > 0; at--) {
    const marker = data[at] === 0xff ? data[at + 1]! : 0;
    if (marker >= 0xd0 && marker <= 0xd7) return marker - 0xd0;
    if (marker === 0xda) break;
  }
  return 7;
}

/**
 * Pixels from the first block that differs in two pictures of one size to the end of the last scan; Infinity where that block lies
 * before the last row. Colour is smoothed over one pixel more, so the block is that of the pixel right of and below the first different one.
 */
function lostPixels(a: RgbImage, b: RgbImage, { blockLines, scanBlock }: JpegLayout): number {
  const { width, height } = a;
  const equal = equalLines(a, b);
  if (equal === height) return 0;
  const lastRow = firstOfBlock(height - 1, blockLines);
  if (equal < lastRow - 1) return Number.POSITIVE_INFINITY;
  const top = firstOfBlock(Math.min(equal + 1, height - 1), scanBlock[1]);
  const bottom = Math.min(top + scanBlock[1], height);
  const left = firstOfBlock(Math.min(equalColumns(a, b, top, bottom) + 1, width - 1), scanBlock[0]);
  return (bottom - top) * (width - left) + (height - bottom) * width;
}

const firstOfBlock = (place: number, side: number) => Math.floor(place / side) * side;

/** How many lines two pictures of one size have in common before the first that differs. */
function equalLines(a: RgbImage, b: RgbImage): number {
  const line = 3 * a.width;
  for (let y = 0; y < a.height; y++) {
    if (Buffer.compare(a.data.subarray(y * line, (y + 1) * line), b.data.subarray(y * line, (y + 1) * line))) return y;
  }
  return a.height;
}

/** How many columns the lines from `top` to before `bottom` have in common in two pictures before the first that differs. */
function equalColumns(a: RgbImage, b: RgbImage, top: number, bottom: number): number {
  const line = 3 * a.width;
  let equal = line; // bytes
  for (let y = top; y < bottom; y++) {
    for (let i = 0; i < equal; i++) if (a.data[y * line + i] !== b.data[y * line + i]) equal = i;
  }
  return Math.floor(equal / 3);
}
