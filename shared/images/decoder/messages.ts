/**
 * Messages between a service and its decoder processes, over a pipe: plain data, and bytes that are neither copied by the sender nor
 * assembled from pieces by the receiver. Node's own channel between processes takes twice the memory for a picture.
 */
import type { WireError } from "@armature/core";
import type { PictureHeader } from "../picture-header.js";

/** Where a decoder process writes: a pipe of its own, so that what a library prints does not get among the answers. */
export const ANSWERS_FD = 3;

/** Goes with a picture's file. */
export interface DecodeOrder {
  header: PictureHeader;
  /** How many threads libvips may use. */
  threads: number;
}

/** `ready` comes once, before any order; each order is answered by `decoded`, with the RGB pixels, or `failed`. */
export type DecoderAnswer =
  | { type: "ready" }
  | { type: "decoded"; width: number; height: number; warning?: string | undefined }
  | { type: "failed"; error: WireError };

/** Lengths of the data, as JSON, and of the bytes behind it, each an unsigned 32-bit number in little-endian order. */
const PREFIX_BYTES = 8;

interface Sink {
  write(bytes: Uint8Array): unknown;
}

/** The bytes must stay as they are until they are written. */
export function writeMessage(
  sink: Sink,
  data: DecodeOrder | DecoderAnswer,
  bytes: Uint8Array = new Uint8Array(),
): void {
  const json = Buffer.from(JSON.stringify(data));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(json.length, 0);
  prefix.writeUInt32LE(bytes.length, 4);
  sink.write(Buffer.concat([prefix, json]));
  if (bytes.length > 0) sink.write(bytes);
}

/** Takes what a pipe gives, in pieces of any size, and hands on whole messages. */
export function messageReader<Data>(onMessage: (data: Data, bytes: Buffer) => void): (piece: Buffer) => void {
  const parts = collectParts(onMessage);
  let part = parts.next(EMPTY).value;
  let filled = 0;
  return (piece) => {
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(part, filled, at);
      at += copied;
      filled += copied;
      for (; filled === part.length; filled = 0) part = parts.next(part).value;
    }
  };
}

/** Asks for one part of a message after another: yields room for it, and is given it when it is full. */
function* collectParts<Data>(onMessage: (data: Data, bytes: Buffer) => void): Generator<Buffer, never, Buffer> {
  for (;;) {
    const prefix = yield Buffer.allocUnsafeSlow(PREFIX_BYTES);
    const json = yield Buffer.allocUnsafeSlow(prefix.readUInt32LE(0));
    const bytes = yield Buffer.allocUnsafeSlow(prefix.readUInt32LE(4));
    onMessage(JSON.parse(json.toString("utf8")) as Data, bytes);
  }
}

const EMPTY = Buffer.alloc(0);
