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

/** The whole body, decompressed. Throws ImageTooLarge as soon as it must be longer than `maxBytes`. */
export async function readBounded(body: Readable, headers: IncomingHttpHeaders, maxBytes: number): Promise<Buffer> {
  if (Number(headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const encoding = (headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding === "identity" || encoding === "") return collect(body, maxBytes);

  const decoder = DECODERS.get(encoding);
  if (!decoder) throw new SourceUnreachable(`The picture's URL answered in the encoding ${encoding.slice(0, 20)}`);
  const unpacked = decoder();
  body.once("error", (error) => unpacked.destroy(error));
  return collect(body.pipe(unpacked), maxBytes);
}

async function collect(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

const tooLarge = (maxBytes: number) =>
  new ImageTooLarge(`The picture behind the URL is longer than the ${maxBytes} bytes that are accepted`);
