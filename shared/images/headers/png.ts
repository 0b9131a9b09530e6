/** PNG's header (W3C PNG, third edition, 11.2.1) and the frames of an animated one (11.3.6). */
import type { FactsReader } from "./container-facts.js";

const SIGNATURE_BYTES = 8;
/** Length, type and checksum. */
const CHUNK_OVERHEAD = 12;
/** The last byte of the first chunk. */
const INTERLACE_AT = 28;

export const pngFacts: FactsReader = (bytes, maxFrames) => {
  if (bytes.length < 24 || bytes.toString("latin1", 12, 16) !== "IHDR") return undefined;
  let frames = 0;
  for (let at = SIGNATURE_BYTES; at + 8 <= bytes.length && frames <= maxFrames; ) {
    if (bytes.toString("latin1", at + 4, at + 8) === "fcTL") frames++;
    at += CHUNK_OVERHEAD + bytes.readUInt32BE(at);
  }
  const interlaced = bytes[INTERLACE_AT] === 1 && { progressive: true };
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20), frames: Math.max(1, frames), ...interlaced };
};
