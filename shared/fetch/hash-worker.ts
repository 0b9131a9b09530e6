/** Runs in a thread of its own: reads files in order from the page cache and hashes them. Spoken to by hash-thread.ts. */
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { DigestStream } from "./file-hash.js";
import type { HashReply, HashRequest } from "./hash-thread.js";

const STEP_BYTES = 2 ** 20;

interface OpenFile {
  descriptor: number;
  hashed: number;
  stream: DigestStream;
}

const files = new Map<number, OpenFile>();
const buffer = Buffer.allocUnsafeSlow(STEP_BYTES);

parentPort?.on("message", (request: HashRequest) => {
  let reply: HashReply;
  try {
    reply = { id: request.id, ...answer(request) };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    reply = { id: request.id, error: { message, code } };
  }
  parentPort?.postMessage(reply);
});

function answer(request: HashRequest): Omit<HashReply, "id"> {
  const { file } = request;
  if (request.kind === "open") {
    const descriptor = openSync(request.path, "r");
    files.set(file, { descriptor, hashed: 0, stream: new DigestStream(request.bytes) });
    return {};
  }
  const open = files.get(file);
  if (!open) throw new Error(`file ${file} is not open`);
  if (request.kind === "advance") {
    advance(open, request.to);
    return {};
  }
  files.delete(file);
  closeSync(open.descriptor);
  return request.kind === "digests" ? { digests: open.stream.digests() } : {};
}

function advance(open: OpenFile, to: number): void {
  while (open.hashed < to) {
    const wanted = Math.min(buffer.length, to - open.hashed);
    const count = readSync(open.descriptor, buffer, 0, wanted, open.hashed);
    if (count === 0) throw new Error(`the file ends at byte ${open.hashed}, before ${to}`);
    open.stream.update(buffer.subarray(0, count));
    open.hashed += count;
  }
}
