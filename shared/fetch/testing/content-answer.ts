/** Answers a request for a file's bytes, or a range of them, as a good server would or as a fault says. */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Content } from "./content.js";
import type { Fault } from "./faults.js";

interface ContentRequest {
  /** The Range header. */
  range: string | undefined;
  fault: Fault | undefined;
  bytesPerSecond: number | undefined;
  /** Hears of bytes that were handed to the socket. */
  onSent(count: number): void;
}

const PIECE_BYTES = 2 ** 20;
/** A slow server sends a piece every so often. */
const TICK_MS = 20;

export async function sendContent(res: ServerResponse, content: Content, request: ContentRequest): Promise<void> {
  const { fault } = request;
  const size = fault?.kind === "shorten" ? Math.max(0, content.size - fault.by) : content.size;
  const range = fault?.kind === "ignore-range" ? undefined : parseRange(request.range, size);
  if (range && range.start >= size) {
    res.writeHead(416, { "content-range": `bytes */${size}` }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: size };
  res.setHeader("content-length", end - start);
  res.setHeader("accept-ranges", "bytes");
  const firstByte = fault?.kind === "other-range" ? start + 1 : start;
  if (range) res.setHeader("content-range", `bytes ${firstByte}-${end - 1}/${size}`);
  res.writeHead(range ? 206 : 200);
  await sendBody(res, content, { start, end }, request);
}

async function sendBody(
  res: ServerResponse,
  content: Content,
  { start, end }: { start: number; end: number },
  { fault, bytesPerSecond, onSent }: ContentRequest,
): Promise<void> {
  const limit = fault?.kind === "cut" || fault?.kind === "stall" ? Math.min(end, start + fault.after) : end;
  const pieceBytes = bytesPerSecond ? Math.ceil((bytesPerSecond * TICK_MS) / 1000) : PIECE_BYTES;
  for (let position = start; position < limit && !res.destroyed; ) {
    const piece = content.slice(position, Math.min(limit, position + pieceBytes));
    const drained = res.write(fault?.kind === "flip" ? flipped(piece, start + fault.at - position) : piece);
    position += piece.length;
    onSent(piece.length);
    if (!drained) await drain(res);
    if (bytesPerSecond) await sleep(TICK_MS);
  }
  if (limit === end) res.end();
  else if (fault?.kind === "cut") res.socket?.destroySoon();
}

function parseRange(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? "");
  if (!match) return undefined;
  return { start: Number(match[1]), end: match[2] ? Math.min(size, Number(match[2]) + 1) : size };
}

function flipped(piece: Uint8Array, at: number): Uint8Array {
  if (at < 0 || at >= piece.length) return piece;
  const copy = Uint8Array.from(piece);
  copy[at]! ^= 1;
  return copy;
}

async function drain(res: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const settle = () => {
      res.off("drain", settle).off("close", settle);
      resolve();
    };
    res.once("drain", settle).once("close", settle);
  });
}
