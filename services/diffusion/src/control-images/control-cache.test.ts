import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { ControlCache, controlKey } from "./control-cache.js";
import type { AnnotationAnswer } from "./preprocessor-client.js";

function cacheOf(maxBytes: number) {
  const heard: string[] = [];
  const observer = { hit: () => heard.push("hit"), miss: () => heard.push("miss") };
  const cache = new ControlCache({ maxBytes, observer });
  const staying = new AbortController().signal;
  /** Asks for a file of that many bytes. */
  const get = (key: string, bytes = 4) => cache.get(key, async () => made(Buffer.alloc(bytes)), staying);
  return { cache, heard, staying, get };
}

const made = (file: Buffer): AnnotationAnswer => ({ file, image: { data: new Uint8Array(3), width: 1, height: 1 } });

/** Work that ends when told to, or when it is aborted. */
function pending() {
  const work = { begun: 0, aborted: 0, finish: (_made: AnnotationAnswer) => {}, fail: (_error: Error) => {} };
  const make = (signal: AbortSignal) =>
    new Promise<AnnotationAnswer>((resolve, reject) => {
      work.begun++;
      Object.assign(work, { finish: resolve, fail: reject });
      signal.addEventListener("abort", () => {
        work.aborted++;
        reject(signal.reason);
      });
    });
  return { work, make };
}

test("a file is made once and remembered", async () => {
  const { get, heard } = cacheOf(10);
  const first = await get("a");
  expect(await get("a")).toEqual(first);
  expect(heard).toEqual(["miss", "hit"]);
});

test("the files used longest ago make room; one that is too large is not kept", async () => {
  const { get, heard } = cacheOf(10);
  for (const key of ["a", "b", "a", "c"]) await get(key); // b has to go
  heard.length = 0;
  for (const key of ["a", "c", "b"]) await get(key);
  expect(heard).toEqual(["hit", "hit", "miss"]);
  await get("huge", 11);
  await get("huge", 11);
  expect(heard.slice(3)).toEqual(["miss", "miss"]);
});

test("those who ask while a file is made share it, and its failure, which is not remembered", async () => {
  const { cache, heard, staying } = cacheOf(10);
  const { work, make } = pending();
  const both = [cache.get("a", make, staying), cache.get("a", make, staying)];
  work.fail(new Error("broken"));
  for (const asked of both) await expect(asked).rejects.toThrow("broken");
  const again = cache.get("a", make, staying);
  work.finish(made(Buffer.from("made")));
  expect(String(await again)).toBe("made");
  expect([work.begun, heard]).toEqual([2, ["miss", "hit", "miss"]]);
});

test("one who leaves ends only his own waiting; the last one ends the work", async () => {
  const { cache } = cacheOf(10);
  const { work, make } = pending();
  const clients = [new AbortController(), new AbortController()];
  const [first, second] = clients.map(({ signal }) => cache.get("a", make, signal));
  clients[0]!.abort(new Error("gone"));
  await expect(first).rejects.toThrow("gone");
  expect(work.aborted).toBe(0);
  clients[1]!.abort(new Error("gone, too"));
  await expect(second).rejects.toThrow("gone, too");
  expect(work.aborted).toBe(1);
});

test("work that everybody has left is begun anew for the next, even while it ends", async () => {
  const { cache, staying } = cacheOf(10);
  const { work, make } = pending();
  const gone = new AbortController();
  const left = cache.get(
    "a",
    async (signal) => {
      await make(signal).catch(() => delay(20)); // takes its time
      throw new Error("late");
    },
    gone.signal,
  );
  gone.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  const next = cache.get("a", make, staying);
  await delay(40);
  const joined = cache.get("a", make, staying);
  work.finish(made(Buffer.from("made")));
  expect(String(await next)).toBe("made");
  expect(await joined).toBe(await next);
  expect(work.begun).toBe(2);
});

test("a key tells picture, processor and options apart, and not the order of options", () => {
  const key = (picture: string, processor: string, options = {}) =>
    controlKey(Buffer.from(picture), processor, options);
  expect(key("p", "canny", { a: 1, b: 2 })).toBe(key("p", "canny", { b: 2, a: 1 }));
  const keys = [key("p", "canny"), key("q", "canny"), key("p", "depth"), key("p", "canny", { a: 1 })];
  expect(new Set(keys).size).toBe(4);
});
