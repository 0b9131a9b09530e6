/** WebP's canvas and frames: Google's WebP container specification; RFC 6386, section 9.1 (lossy); RFC 9649, section 3.3 (lossless). */
import type { ContainerFacts, FactsReader } from "./container-facts.js";

const FIRST_CHUNK = 12;
const CHUNK_HEADER = 8;

export const webpFacts: FactsReader = (bytes, maxFrames) => {
  const size = canvas(bytes);
  if (!size) return undefined;
  let frames = 0;
  for (let at = FIRST_CHUNK; at + CHUNK_HEADER <= bytes.length && frames <= maxFrames; ) {
    if (bytes.toString("latin1", at, at + 4) === "ANMF") frames++;
    const length = bytes.readUInt32LE(at + 4);
    at += CHUNK_HEADER + length + (length % 2);
  }
  return { ...size, frames: Math.max(1, frames) };
};

function canvas(bytes: Buffer): Pick<ContainerFacts, "width" | "height"> | undefined {
  const data = FIRST_CHUNK + CHUNK_HEADER;
  const kind = bytes.toString("latin1", FIRST_CHUNK, FIRST_CHUNK + 4);
  if (bytes.length < data + (kind === "VP8L" ? 5 : 10)) return undefined;
  switch (kind) {
    case "VP8X":
      return { width: 1 + bytes.readUIntLE(data + 4, 3), height: 1 + bytes.readUIntLE(data + 7, 3) };
    case "VP8L": {
      const bits = bytes.readUInt32LE(data + 1);
      return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >> 14) & 0x3fff) };
    }
    case "VP8 ":
      return { width: bytes.readUInt16LE(data + 6) & 0x3fff, height: bytes.readUInt16LE(data + 8) & 0x3fff };
    default:
      return undefined;
  }
}
