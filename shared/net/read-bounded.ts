/** Reads a response's body up to a limit that its declared length, its bytes on the wire and its unpacked bytes must keep. */
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { ImageTooLarge } from "@armature/core";
import { SourceUnreachable } from "./errors.js";

/** Servers may compress although they were asked not to. */
const DECODERS = new Map([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
]);

export interface ReadLimits {
  maxBytes: number;
  /** Told how many bytes will be held from now on, before they are; what it throws ends the reading. */
  hold?: ((bytes: number) => void) | undefined;
}

/** The whole body, decompressed. Throws ImageTooLarge as soon as it must be longer than `maxBytes`, or what `hold` throws. */
export async function readBounded(body: Readable, headers: IncomingHttpHeaders, limits: ReadLimits): Promise<Buffer> {
  const declared = Number(headers["content-length"] ?? 0);
  if (declared > limits.maxBytes) throw tooLarge(limits.maxBytes);
  limits.hold?.(CHUNKS_COST * declared);
  const encoding = (headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding === "identity" || encoding === "") return collect(body, limits, declared);

  const decoder = DECODERS.get(encoding);
  if (!decoder) throw new SourceUnreachable(`The picture's URL answered in the encoding ${encoding.slice(0, 20)}`);
  const unpacked = decoder();
  body.once("error", (error) => unpacked.destroy(error));
  return collect(body.pipe(unpacked), limits, declared);
}

/** Chunks are held twice: by themselves, and joined. */
const CHUNKS_COST = 2;

async function collect(stream: Readable, { maxBytes, hold }: ReadLimits, declared: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    if (length > declared) hold?.(CHUNKS_COST * length);
    chunks.push(chunk);
  }
  hold?.(length);
  return Buffer.concat(chunks, length);
}

const tooLarge = (maxBytes: number) =>
  new ImageTooLarge(`The picture behind the URL is longer than the ${maxBytes} bytes that are accepted`);
