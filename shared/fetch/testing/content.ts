/** Files that a test server serves: their bytes, and the hashes that the Hub would name. */
import { createHash } from "node:crypto";

export interface Content {
  size: number;
  sha256: string;
  gitSha1: string;
  /** Bytes from `start` on, at most up to `end`, at least one. */
  slice(start: number, end: number): Uint8Array;
}

export function inMemory(bytes: Uint8Array): Content {
  return {
    size: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    gitSha1: createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex"),
    slice: (start, end) => bytes.subarray(start, end),
  };
}

export function text(content: string): Content {
  return inMemory(Buffer.from(content));
}

/** Bytes that look random and are the same for the same seed: xorshift, one byte a step. */
export function noise(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 255;
  }
  return bytes;
}

/** A file of any size that takes no memory: a pattern of a megabyte, again and again. */
export function repeating(size: number): Content {
  const pattern = noise(2 ** 20, 1);
  const slice = (start: number, end: number) => {
    const offset = start % pattern.length;
    return pattern.subarray(offset, offset + end - start);
  };
  const hash = createHash("sha256");
  for (let start = 0; start < size; start += pattern.length) hash.update(slice(start, size));
  return { size, sha256: hash.digest("hex"), gitSha1: "0".repeat(40), slice };
}
