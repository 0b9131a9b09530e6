import { expect, test } from "vitest";
import { type DecoderAnswer, messageReader, writeMessage } from "./messages.js";

test("messages arrive whole and in order, in pieces of whatever size the pipe makes", () => {
  const sent: [DecoderAnswer, Buffer][] = [
    [{ type: "ready" }, Buffer.alloc(0)],
    [{ type: "decoded", width: 3, height: 1, warning: "ä" }, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9])],
    [{ type: "decoded", width: 1, height: 1 }, Buffer.alloc(3_000, 7)],
    [{ type: "ready" }, Buffer.alloc(0)],
  ];
  const pieces: Uint8Array[] = [];
  for (const [data, bytes] of sent) writeMessage({ write: (piece) => pieces.push(Buffer.from(piece)) }, data, bytes);
  const wire = Buffer.concat(pieces);
  for (const size of [1, 7, 8, 9, 2_000, wire.length]) {
    const got: [DecoderAnswer, Buffer][] = [];
    const read = messageReader<DecoderAnswer>((data, bytes) => got.push([data, bytes]));
    for (let at = 0; at < wire.length; at += size) read(wire.subarray(at, at + size));
    expect(got).toEqual(sent);
  }
});
