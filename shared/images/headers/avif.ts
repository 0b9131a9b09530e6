/** AVIF's size: the spatial extents of its items (ISO/IEC 23008-12, 6.5.3) within the boxes of ISO/IEC 14496-12. */
import type { FactsReader } from "./container-facts.js";

/** Boxes on the way to the extents, and how many bytes of each stand before the boxes inside. */
const CONTAINERS = new Map([
  ["meta", 4],
  ["iprp", 0],
  ["ipco", 0],
]);
const MAX_BOXES = 10_000;
/** The boxes above lie in one another. */
const MAX_DEPTH = CONTAINERS.size;

/**
 * The largest of all items, so that a thumbnail or a tile does not count as the picture. The decoder reads the primary item alone, so
 * there is one frame.
 */
export const avifFacts: FactsReader = (bytes) => {
  let [largest, boxes] = [{ width: 0, height: 0 }, 0];
  function visit(from: number, to: number, depth: number): void {
    for (let at = from; at + 8 <= to && boxes < MAX_BOXES; boxes++) {
      const length = bytes.readUInt32BE(at) || to - at;
      const end = Math.min(at + length, to);
      const type = bytes.toString("latin1", at + 4, at + 8);
      const inside = CONTAINERS.get(type);
      if (inside !== undefined && depth < MAX_DEPTH) visit(at + 8 + inside, end, depth + 1);
      if (type === "ispe" && at + 20 <= end) {
        const size = { width: bytes.readUInt32BE(at + 12), height: bytes.readUInt32BE(at + 16) };
        if (size.width * size.height > largest.width * largest.height) largest = size;
      }
      if (length < 8) return; // 1 announces a 64-bit length, which no box before the pixels has
      at += length;
    }
  }
  visit(0, bytes.length, 0);
  return largest.width > 0 ? { ...largest, frames: 1 } : undefined;
};
