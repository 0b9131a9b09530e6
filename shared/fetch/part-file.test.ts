/** The journal beside an unfinished file: what it promises is there, however the process ended that wrote it. */
import { appendFile, copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bytesLeftOver, PartFile, type PartIdentity } from "./part-file.js";
import { noise } from "./testing/content.js";

const IDENTITY = { size: 1000, content: "a".repeat(64), chunkBytes: 300 };
const BYTES = noise(1000, 1);

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "part-file-"));
  file = join(dir, "model.safetensors");
});
afterEach(() => rm(dir, { recursive: true }));

async function begun(...ranges: [number, number][]): Promise<PartFile> {
  const part = await PartFile.open(file, IDENTITY);
  for (const [start, end] of ranges) await part.write([BYTES.subarray(start, end)], start);
  return part;
}

test("bytes may come in any order; the prefix ends at the first gap", async () => {
  const part = await begun([300, 600], [0, 100]);
  expect(part.missingChunks()).toEqual([0, 2, 3]);
  expect(part.missing(0)).toEqual({ start: 100, end: 300 });
  expect(part.missing(1)).toBeUndefined();
  expect(part.missing(3)).toEqual({ start: 900, end: 1000 });
  expect(part.prefix).toBe(100);
  expect(await part.write([BYTES.subarray(100, 200), BYTES.subarray(200, 350)], 100)).toBe(200);
  expect(part.prefix).toBe(600);
  await part.write([BYTES.subarray(600)], 600);
  expect(part.prefix).toBe(1000);
  await part.finish(file, true);
  expect((await readFile(file)).equals(BYTES)).toBe(true);
  expect(await readdir(dir)).toEqual(["model.safetensors"]);
});

test("a closed part goes on at the byte, and in the chunks it was begun with", async () => {
  await (await begun([0, 123], [900, 1000])).close();
  expect(await bytesLeftOver(file, IDENTITY)).toBe(223);
  const part = await PartFile.open(file, { ...IDENTITY, chunkBytes: 77 });
  expect(part.chunkBytes).toBe(300);
  expect(part.missing(0)).toEqual({ start: 123, end: 300 });
  expect(part.missing(3)).toBeUndefined();
  await part.close();
});

test("a process that was killed has its whole chunks in the journal", async () => {
  const part = await begun([0, 300], [300, 450]);
  const killed = join(dir, "killed");
  await copyFile(`${file}.part`, `${killed}.part`);
  await copyFile(`${file}.part.journal`, `${killed}.part.journal`);
  expect(await bytesLeftOver(killed, IDENTITY)).toBe(300);
  await part.close();
  expect(await bytesLeftOver(file, IDENTITY)).toBe(450);
});

test("a line that was cut off is no promise", async () => {
  await (await begun([0, 300])).close();
  await appendFile(`${file}.part.journal`, "1 30");
  expect(await bytesLeftOver(file, IDENTITY)).toBe(300);
});

test.each<[string, () => Promise<void>]>([
  ["a part that is shorter than the journal says", () => truncate(`${file}.part`, 299)],
  ["a part that is gone", () => rm(`${file}.part`)],
  ["a journal that is gone", () => rm(`${file}.part.journal`)],
  ["a journal of nonsense", () => appendFile(`${file}.part.journal`, "7 3\n")],
  ["a journal of more bytes than a chunk has", () => appendFile(`${file}.part.journal`, "1 301\n")],
  ["an empty journal", () => writeFile(`${file}.part.journal`, "")],
])("%s means to start anew", async (_what, spoil) => {
  await (await begun([0, 300])).close();
  await spoil();
  await expectAnew(IDENTITY);
});

test("bytes of another content are worth nothing", async () => {
  await (await begun([0, 300])).close();
  await expectAnew({ ...IDENTITY, content: "b".repeat(64) });
});

async function expectAnew(identity: PartIdentity): Promise<void> {
  expect(await bytesLeftOver(file, identity)).toBe(0);
  const part = await PartFile.open(file, identity);
  expect(part.bytesDone).toBe(0);
  expect(part.missingChunks()).toEqual([0, 1, 2, 3]);
  await part.close();
}
