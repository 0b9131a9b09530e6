/** Tells a JPEG that lacks its last bytes, which browsers show, from one that was cut in the middle. */
import type { RgbImage } from "@armature/pixels";
import { hasAllScans, type JpegLayout, jpegLayout } from "../headers/jpeg.js";
import { damaged } from "../picture-header.js";

const END = Buffer.from([0xff, 0xd9]);
/** What stands in for lost data. By chance one may look like the flat colour that libjpeg puts there; two hardly do. */
const STAND_INS = [1, 2];
const STAND_IN_BYTES = 8;
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
 * Decodes a JPEG. Where the decoder warns, it is decoded with other data behind its last byte, too: what differs then was lost. Throws
 * UnsupportedImage where that is more than the last row of blocks, 8 or 16 lines, or where whole scans are missing.
 */
export async function wholeJpeg(
  file: Buffer,
  decode: (file: Buffer, manner: DecodeManner) => Promise<RgbImage>,
): Promise<DecodedPixels> {
  try {
    return { image: await decode(file, { failOn: "warning", upright: true }) };
  } catch (cause) {
    if (!hasAllScans(file)) throw damaged("JPEG", cause);
    const layout = jpegLayout(file);
    const data = withoutEnd(file, layout);
    const stored = (rest: Buffer) => decode(Buffer.concat([data, rest, END]), { failOn: "error", upright: false });
    const shown = await stored(Buffer.alloc(0));
    let whole = shown.height; // lines before the first lost one
    for (const seed of STAND_INS) whole = Math.min(whole, equalLines(shown, await stored(standIn(data, layout, seed))));
    const lines = shown.height;
    const lastRow = Math.floor((lines - 1) / layout.blockLines) * layout.blockLines;
    if (whole < lastRow - 1) throw damaged("JPEG", cause); // colour is smoothed over one line more
    const image = await decode(Buffer.concat([data, END]), { failOn: "error", upright: true });
    return { image, warning: whole < lines || layout.end === undefined ? WARNING : undefined };
  }
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

/** How many lines two pictures of one size have in common before the first that differs. */
function equalLines(a: RgbImage, b: RgbImage): number {
  const line = 3 * a.width;
  for (let y = 0; y < a.height; y++) {
    if (Buffer.compare(a.data.subarray(y * line, (y + 1) * line), b.data.subarray(y * line, (y + 1) * line))) return y;
  }
  return a.height;
}
