import { setTimeout as delay } from "node:timers/promises";
import { builtFile } from "@armature/core";
import { afterEach, expect, test } from "vitest";
import { DecoderCrashed, UnsupportedImage } from "../errors.js";
import { ODD_WIDTHS } from "../testing/odd-widths.js";
import { DecoderPool } from "./decoder-pool.js";
import { DecoderProcess } from "./decoder-process.js";

const FILE = Buffer.from("a picture");
const processes: DecoderProcess[] = [];
afterEach(() => {
  for (const decoder of processes.splice(0)) decoder.kill();
});

/** A pool of odd decoders, and how each picture of it fares: the decoder's process id, or the error. */
function oddPool(idleMs?: number) {
  const pool = new DecoderPool(() => {
    const decoder = new DecoderProcess(builtFile("shared/images/dist/testing/odd-decoder.js"));
    processes.push(decoder);
    return decoder;
  }, idleMs);
  return (width: number, { timeoutMs = 60_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
    pool
      .decode({ header: { format: "PNG", width, height: 1, frames: 1 }, threads: 1 }, FILE, { timeoutMs, signal })
      .then(({ image }) => image.width)
      .catch((error: Error) => error);
}

const GOOD = 10;

test("a process is kept for the next picture; two pictures at once have one each, and a third waits", async () => {
  const decode = oddPool();
  const first = await decode(GOOD);
  expect(await decode(GOOD)).toBe(first);
  const three = await Promise.all([decode(GOOD), decode(GOOD), decode(GOOD)]);
  expect(three).toContain(first);
  expect(processes).toHaveLength(2);
});

test("a crash costs the picture that it came with; those that wait are decoded by a new process", async () => {
  const decode = oddPool();
  const [crash, spared, ...waiting] = await Promise.all([
    decode(ODD_WIDTHS.crashes),
    decode(GOOD),
    decode(GOOD),
    decode(GOOD),
  ]);
  expect(crash).toBeInstanceOf(DecoderCrashed);
  expect((crash as Error).message).toBe(
    "The decoder ended unexpectedly amid this PNG; send it again, or in another format",
  );
  expect(String((crash as Error).cause)).toContain("SIGSEGV");
  expect([spared, ...waiting]).toEqual(Array(3).fill(expect.any(Number)));
});

test("a process that was killed as its picture was done gets no other one, though it has not ended yet", async () => {
  const decode = oddPool();
  const first = await decode(GOOD);
  processes[0]!.kill();
  const second = await decode(GOOD);
  expect(second).toEqual(expect.any(Number));
  expect(second).not.toBe(first);
});

test.each(["waits", "spins"] as const)(
  "a decoder that %s is killed at the limit, and the picture says so",
  async (oddity) => {
    const decode = oddPool();
    await decode(GOOD);
    const error = await decode(ODD_WIDTHS[oddity], { timeoutMs: 100 });
    expect(error).toBeInstanceOf(UnsupportedImage);
    expect((error as Error).message).toBe("This PNG could not be decoded within 0.1 s; send a smaller one");
    expect(processes[0]!.ended).toBe(true);
    expect(await decode(GOOD)).toEqual(expect.any(Number));
    expect(processes).toHaveLength(2);
  },
);

test("a client that leaves is told at once, and its place is free though the decoder never answers", async () => {
  const decode = oddPool();
  const leaving = new AbortController();
  const { signal } = leaving;
  const stuck = [decode(ODD_WIDTHS.waits, { signal }), decode(ODD_WIDTHS.spins, { signal })];
  const queued = decode(GOOD, { signal });
  const next = decode(GOOD);
  await delay(50);
  leaving.abort(new Error("gone"));
  for (const left of [...stuck, queued]) expect(await left).toMatchObject({ message: "gone" });
  expect(await next).toEqual(expect.any(Number));
  expect(processes.filter(({ ended }) => !ended)).toHaveLength(1);
});

test("a client that has left before is not begun with", async () => {
  const decode = oddPool();
  expect(await decode(GOOD, { signal: AbortSignal.abort(new Error("gone")) })).toMatchObject({ message: "gone" });
  expect(processes).toHaveLength(0);
});

test("a process that ends while it waits for work costs nothing", async () => {
  const decode = oddPool();
  const first = await decode(GOOD);
  processes[0]!.kill();
  while (!processes[0]!.ended) await delay(5);
  const second = await decode(GOOD);
  expect(second).toEqual(expect.any(Number));
  expect(second).not.toBe(first);
});

test("a process ends when no picture has come for long", async () => {
  const decode = oddPool(50);
  const first = await decode(GOOD);
  while (!processes[0]!.ended) await delay(10);
  expect(await decode(GOOD)).not.toBe(first);
});

test("processes that cannot be started at all keep no place", async () => {
  const pool = new DecoderPool(() => {
    throw new Error("EMFILE");
  });
  const order = { header: { format: "PNG", width: 1, height: 1, frames: 1 }, threads: 1 } as const;
  for (let i = 0; i < 3; i++) await expect(pool.decode(order, FILE, { timeoutMs: 1000 })).rejects.toThrow("EMFILE");
});

test("what a decoder prints does not get among the answers", async () => {
  expect(await oddPool()(ODD_WIDTHS.floods)).toEqual(expect.any(Number));
});

test("a decoder that cannot be started is said to have ended", async () => {
  const pool = new DecoderPool(() => new DecoderProcess("/nonexistent/decoder.js"));
  const decode = () =>
    pool.decode({ header: { format: "PNG", width: 1, height: 1, frames: 1 }, threads: 1 }, FILE, { timeoutMs: 1000 });
  for (let i = 0; i < 3; i++) await expect(decode()).rejects.toThrow(DecoderCrashed);
});
