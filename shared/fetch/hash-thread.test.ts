/** Hashes in a thread equal node:crypto's, also where bytes arrive piece by piece. */
import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { agrees, hashNamed } from "./file-hash.js";
import { HashThread } from "./hash-thread.js";
import "./testing/built-hash-worker.js";
import { inMemory, noise } from "./testing/content.js";

const signal = new AbortController().signal;

let dir: string;
let thread: HashThread;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "hash-thread-"));
  thread = new HashThread();
});
afterEach(async () => {
  await thread.close();
  await rm(dir, { recursive: true });
});

test.each([0, 1, 1_048_576, 3_000_001])("a file of %i bytes", async (size) => {
  const bytes = noise(size, 7);
  const path = join(dir, "file");
  await writeFile(path, bytes);
  const { sha256, gitSha1 } = inMemory(bytes);
  expect(await thread.digestFile(path, size, signal)).toEqual({ sha256, gitSha1 });
  expect(execFileSync("sha256sum", [path]).toString().slice(0, 64)).toBe(sha256);
});

test("bytes that are hashed while the file grows, several files at once", async () => {
  const bytes = noise(100_000, 3);
  const hashing = await Promise.all(
    [0, 1, 2].map(async (i) => {
      const path = join(dir, `${i}`);
      const handle = await open(path, "w");
      await handle.write(bytes, 0, 40_000, 0);
      const file = await thread.open(path, bytes.length);
      await file.advance(40_000);
      await handle.write(bytes, 40_000, 60_000, 40_000);
      await handle.close();
      await file.advance(100_000);
      return file.digests();
    }),
  );
  for (const digests of hashing) expect(digests.sha256).toBe(inMemory(bytes).sha256);
});

test("a file that is missing or too short is an error, and the thread lives on", async () => {
  await expect(thread.open(join(dir, "none"), 5)).rejects.toThrow(/ENOENT/);
  const path = join(dir, "file");
  await writeFile(path, "abc");
  await expect(thread.digestFile(path, 5, signal)).rejects.toThrow("the file ends at byte 3, before 5");
  expect((await thread.digestFile(path, 3, signal)).sha256).toBe(inMemory(Buffer.from("abc")).sha256);
});

test("a name of hex digits tells its hash; either kind of hash decides alone", () => {
  const { sha256, gitSha1 } = inMemory(Buffer.from("abc"));
  const digests = { sha256, gitSha1 };
  expect(hashNamed(sha256)).toEqual({ sha256 });
  expect(hashNamed(gitSha1)).toEqual({ gitSha1 });
  expect(hashNamed("xyz")).toBeUndefined();
  expect(agrees(digests, { sha256 })).toBe(true);
  expect(agrees(digests, { gitSha1 })).toBe(true);
  expect(agrees(digests, { sha256: "0".repeat(64) })).toBe(false);
  expect(agrees(digests, { gitSha1: "0".repeat(40) })).toBe(false);
  expect(agrees(digests, undefined)).toBe(true);
});
