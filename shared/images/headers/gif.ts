/** GIF's canvas and frames: GIF89a specification, sections 18 to 25. */
import type { FactsReader } from "./container-facts.js";

const [EXTENSION, FRAME] = [0x21, 0x2c];
const HEADER_BYTES = 13;
const FRAME_BYTES = 10;

/** The canvas is as large as the screen that the file was made for, and grows with frames that reach beyond it, as browsers have it. */
export const gifFacts: FactsReader = (bytes, maxFrames) => {
  if (bytes.length < HEADER_BYTES) return undefined;
  let [width, height, frames] = [bytes.readUInt16LE(6), bytes.readUInt16LE(8), 0];
  let at = HEADER_BYTES + colours(bytes[10]!);
  while (frames <= maxFrames) {
    if (bytes[at] === EXTENSION) {
      at = behindBlocks(bytes, at + 2);
    } else if (bytes[at] === FRAME && at + FRAME_BYTES <= bytes.length) {
      frames++;
      width = Math.max(width, bytes.readUInt16LE(at + 1) + bytes.readUInt16LE(at + 5));
      height = Math.max(height, bytes.readUInt16LE(at + 3) + bytes.readUInt16LE(at + 7));
      at = behindBlocks(bytes, at + FRAME_BYTES + colours(bytes[at + 9]!) + 1);
    } else break;
  }
  return { width, height, frames: Math.max(1, frames) };
};

/** Bytes of the colour table that a packed field announces. */
const colours = (packed: number) => (packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0);

/** Where a chain of data blocks ends; behind the file's end where that comes first. */
function behindBlocks(bytes: Buffer, at: number): number {
  for (let length = bytes[at]; length; length = bytes[at]) at += 1 + length;
  return at + 1;
}
