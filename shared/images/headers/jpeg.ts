/** What a JPEG (ITU-T T.81, annex B) says of itself: its size, how many scans it has, and whether its end is there. */
import type { ContainerFacts } from "./container-facts.js";

const [END_OF_IMAGE, START_OF_SCAN, RESTART_INTERVAL] = [0xd9, 0xda, 0xdd];
/** Huffman tables, a JPEG extension and arithmetic tables: within the range of start-of-frame markers, but none. */
const NO_FRAMES = [0xc4, 0xc8, 0xcc];

interface JpegSegment {
  marker: number;
  /** Place of the segment's length; place behind the marker where it has none. */
  at: number;
}

/**
 * The segments behind the start of image, the end of image included. Follows their lengths, so that a thumbnail inside one does not
 * count; a film that is appended to the picture is not looked at.
 */
function* jpegSegments(bytes: Uint8Array): Generator<JpegSegment> {
  let at = 2;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) return;
    while (bytes[at] === 0xff) at++; // any number of fill bytes may precede a marker's code
    const marker = bytes[at++];
    if (marker === undefined) return;
    if (standsAlone(marker)) continue;
    yield { marker, at };
    if (marker === END_OF_IMAGE) return;
    at += uint16(bytes, at);
  }
}

/**
 * Size from the first frame header; scans are no frames. Progressive by that header, or by a first scan that has not all components: as
 * libjpeg tells files whose coefficients it keeps.
 */
export function jpegFacts(bytes: Uint8Array): ContainerFacts | undefined {
  let facts: ContainerFacts | undefined;
  let components = 0;
  for (const { marker, at } of jpegSegments(bytes)) {
    if (isFrame(marker) && !facts) {
      facts = { height: uint16(bytes, at + 3), width: uint16(bytes, at + 5), frames: 1 };
      if (isProgressive(marker)) return { ...facts, progressive: true };
      components = bytes[at + 7] ?? 0;
    }
    if (marker !== START_OF_SCAN) continue;
    const inScan = bytes[at + 2] ?? 0;
    return facts && inScan < components ? { ...facts, progressive: true } : facts;
  }
  return facts;
}

/** The number of scans, counted no further than `limit + 1`: each one makes the decoder visit the whole picture again. */
export function jpegScans(bytes: Uint8Array, limit: number): number {
  let scans = 0;
  for (const { marker } of jpegSegments(bytes)) {
    if (marker === START_OF_SCAN) scans++;
    if (scans > limit) break;
  }
  return scans;
}

export interface JpegLayout {
  /** Where the end of image stands; undefined where there is none. */
  end: number | undefined;
  /** Lines of a row of blocks (minimum coded units). */
  blockLines: number;
  /** Width and height of the blocks that the last scan goes through, row by row: 8x8 where it has one component. */
  scanBlock: [width: number, height: number];
  /** Blocks between two restart markers; 0 where there are none. */
  restartInterval: number;
  /** The most blocks that a scan can have. */
  blocks: number;
}

/** How the data of a JPEG are laid out. */
export function jpegLayout(bytes: Uint8Array): JpegLayout {
  const layout: JpegLayout = { end: undefined, blockLines: 8, scanBlock: [8, 8], restartInterval: 0, blocks: 0 };
  let blockColumns = 8;
  for (const { marker, at } of jpegSegments(bytes)) {
    if (marker === END_OF_IMAGE) layout.end = at - 2;
    if (marker === RESTART_INTERVAL) layout.restartInterval = uint16(bytes, at + 2);
    if (marker === START_OF_SCAN)
      layout.scanBlock = (bytes[at + 2] ?? 0) > 1 ? [blockColumns, layout.blockLines] : [8, 8];
    if (!isFrame(marker)) continue;
    const samplings = Array.from({ length: bytes[at + 7] ?? 0 }, (_, i) => bytes[at + 9 + 3 * i] ?? 0);
    blockColumns = 8 * Math.max(1, ...samplings.map((sampling) => sampling >> 4));
    layout.blockLines = 8 * Math.max(1, ...samplings.map((sampling) => sampling & 15));
    layout.blocks = Math.ceil(uint16(bytes, at + 3) / 8) * Math.ceil(uint16(bytes, at + 5) / 8);
  }
  return layout;
}

/**
 * Whether the scans that have begun give every component all its coefficients, to the last bit. In a progressive file whole scans may be
 * missing, and the picture is then blurred everywhere (annex G).
 */
export function hasAllScans(bytes: Uint8Array): boolean {
  let missing: Map<number, Uint8Array> | undefined; // component → per coefficient, bits that no scan has given yet
  let progressive = false;
  for (const { marker, at } of jpegSegments(bytes)) {
    if (isFrame(marker)) {
      progressive = isProgressive(marker);
      const components = Array.from({ length: bytes[at + 7] ?? 0 }, (_, i) => bytes[at + 8 + 3 * i] ?? 0);
      missing = new Map(components.map((id) => [id, new Uint8Array(64).fill(UNSEEN)]));
    }
    if (marker !== START_OF_SCAN) continue;
    const count = bytes[at + 2] ?? 0;
    const [first = 0, last = 0, bits = 0] = bytes.subarray(at + 3 + 2 * count);
    for (let i = 0; i < count; i++) {
      const component = missing?.get(bytes[at + 3 + 2 * i] ?? 0);
      if (progressive) component?.fill(bits & 15, first, last + 1);
      else component?.fill(0);
    }
  }
  return missing !== undefined && [...missing.values()].every((component) => component.every((bits) => bits === 0));
}

/** More than the 13 that a point transform may shift by. */
const UNSEEN = 99;

const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && !NO_FRAMES.includes(marker);

/** With Huffman or arithmetic coding. */
const isProgressive = (marker: number) => marker === 0xc2 || marker === 0xca;

/** Stuffed zero and restart markers occur inside a scan's data; they and a few more have no length. */
const standsAlone = (marker: number) => marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8);

const uint16 = (bytes: Uint8Array, at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
