/** TIFF's first page, the number of its pages, and what of its levels no decoder here reads rightly: TIFF revision 6.0. */
import type { FactsReader } from "./container-facts.js";

const TAGS = { width: 256, height: 257, bits: 258, colours: 262, sampleFormat: 339 } as const;
/** Bytes of a whole number by field type: BYTE, SHORT, LONG and LONG8, each without and with sign. libtiff takes one for the other. */
const NUMBER_BYTES = new Map([
  [1, 1],
  [6, 1],
  [3, 2],
  [8, 2],
  [4, 4],
  [9, 4],
  [16, 8],
  [17, 8],
]);
const ENTRY_BYTES = 12;
/** Sections 4 to 6, 16, 21 and 23, by PhotometricInterpretation: grey twice, RGB, palette, mask, CMYK, YCbCr. */
const COLOURS = [0, 1, 2, 3, 4, 5, 6];
const CIELAB = 8;
const SAMPLE_FORMATS = new Map([
  [2, "signed integer"],
  [3, "floating point"],
  [5, "complex"],
  [6, "complex"],
]);

/** A chain of pages that turns back on itself has as many as are counted. */
export const tiffFacts: FactsReader = (bytes, maxFrames) => {
  const tiff = reader(bytes);
  let frames = 0;
  for (let page = tiff.first; page > 0 && page + 2 <= bytes.length && frames <= maxFrames; frames++) {
    page = tiff.uint32(page + 2 + ENTRY_BYTES * tiff.uint16(page));
  }
  const [width, height] = [tiff.tag(TAGS.width), tiff.tag(TAGS.height)];
  return width && height ? { width, height, frames: Math.max(1, frames) } : undefined;
};

/**
 * What the first page holds instead of levels that are 0 at black and greatest at white, such as "32-bit floating point levels". The
 * decoder would cut those to 0 and 255, and what range they have is nowhere said; 16-bit CIELAB it turns into RGB.
 */
export function tiffObstacle(bytes: Buffer): string | undefined {
  const tiff = reader(bytes);
  const [bits, colours] = [tiff.tag(TAGS.bits) ?? 1, tiff.tag(TAGS.colours)];
  const lab16 = colours === CIELAB && bits === 16;
  const format = SAMPLE_FORMATS.get(tiff.tag(TAGS.sampleFormat) ?? 1);
  if (format && !lab16) return `${bits}-bit ${format} levels`;
  if (![1, 2, 4, 8, 16].includes(bits)) return `${bits}-bit levels`;
  if (colours === CIELAB && !lab16) return `CIELAB colours of ${bits} bits`;
  if (colours === undefined || COLOURS.includes(colours) || lab16) return undefined;
  return `colours of kind ${colours} (PhotometricInterpretation)`;
}

/** Numbers in the file's byte order; 0 beyond its end. */
function reader(bytes: Buffer) {
  const little = bytes[0] === 0x49;
  const holds = (at: number, length: number) => at + length <= bytes.length;
  const uint16 = (at: number) => (holds(at, 2) ? (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)) : 0);
  const uint32 = (at: number) => (holds(at, 4) ? (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)) : 0);
  const first = uint32(4);
  /** The first number of a tag of the first page. Numbers that do not fit into its four bytes stand elsewhere. */
  function tag(wanted: number): number | undefined {
    for (let i = 0, count = uint16(first); i < count; i++) {
      const entry = first + 2 + ENTRY_BYTES * i;
      if (uint16(entry) !== wanted) continue;
      const size = NUMBER_BYTES.get(uint16(entry + 2)) ?? 4;
      const at = uint32(entry + 4) * size > 4 ? uint32(entry + 8) : entry + 8;
      if (size === 1) return bytes[at] ?? 0;
      if (size === 2) return uint16(at);
      return uint32(size === 8 && !little ? at + 4 : at); // no number here needs more than 32 bits
    }
    return undefined;
  }
  return { first, uint16, uint32, tag };
}
