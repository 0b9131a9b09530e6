import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type PreparedForm, type PreparedSource, preparedForm } from "./prepared-weights.js";
import { answer, writeSource } from "./testing/two-convolutions.js";

let work: string;
let cacheFolder: string;
let notes: string[];

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "prepared-"));
  cacheFolder = join(work, "cache");
  notes = [];
});
afterEach(() => rm(work, { recursive: true }));

const prepare = (source: PreparedSource, limitBytes = 1e9) =>
  preparedForm(source, { folder: cacheFolder, limitBytes, note: (line) => notes.push(line) });

const expected = (source: PreparedSource) => answer(source.graph, source.weightsFolder, false);
const given = (form: PreparedForm | undefined) => answer(form!.graph, form!.weightsFolder, true);
const entries = () => readdirSync(cacheFolder);

test("the prepared form gives the same bits as the official file, and is made once", async () => {
  const source = writeSource(work, "first", 0);
  expect(await given(await prepare(source))).toEqual(await expected(source));
  expect(notes).toEqual([expect.stringMatching(/^first: prepared weights made in/)]);
  expect(await given(await prepare(source))).toEqual(await expected(source));
  expect(notes).toHaveLength(1);
});

test("other weights under the same name, size and time are another entry", async () => {
  const before = writeSource(work, "same", 0);
  await prepare(before);
  const { atime, mtime } = statSync(before.weightsFiles[0]!);
  const after = writeSource(work, "same", 7);
  utimesSync(after.weightsFiles[0]!, atime, mtime);
  expect(await given(await prepare(after))).toEqual(await expected(after));
  expect(entries()).toHaveLength(2);
});

test("an entry under another's name is noticed", async () => {
  const [mine, other] = [writeSource(work, "mine", 0), writeSource(work, "other", 1)];
  const [first, second] = [(await prepare(mine))!.weightsFolder, (await prepare(other))!.weightsFolder];
  for (const name of readdirSync(second)) writeFileSync(join(first, name), readFileSync(join(second, name)));
  expect(await given(await prepare(mine))).toEqual(await expected(mine));
  expect(notes).toContainEqual(expect.stringContaining("damaged"));
});

test("two that make an entry at once end with one", async () => {
  const source = writeSource(work, "shared", 0);
  const forms = await Promise.all([prepare(source), prepare(source), prepare(source)]);
  for (const form of forms) expect(await given(form)).toEqual(await expected(source));
  expect(entries()).toHaveLength(1);
});

test("without a place to write, there is one note and no prepared form", async () => {
  writeFileSync(cacheFolder, "a file where a folder should be");
  expect(await prepare(writeSource(work, "homeless", 0))).toBeUndefined();
  expect(notes).toEqual([expect.stringMatching(/^homeless: no prepared weights, loading the official file/)]);
});

test("above the limit the least recently used entry goes, never the newest", async () => {
  const sources = [0, 1, 2].map((seed) => writeSource(work, `model-${seed}`, seed));
  const folders = [];
  for (const source of sources.slice(0, 2)) folders.push((await prepare(source))!.weightsFolder);
  utimesSync(join(folders[1]!, "manifest.json"), 1000, 1000); // long ago
  const bytes = statSync(join(folders[0]!, "weights.bin")).size;
  const newest = (await prepare(sources[2]!, 2.5 * bytes))!.weightsFolder;
  expect(
    entries()
      .map((name) => join(cacheFolder, name))
      .sort(),
  ).toEqual([folders[0]!, newest].sort());
  await prepare(sources[1]!, 1);
  expect(entries()).toHaveLength(1);
});

test("what a killed process left is not used, and removed when it is old", async () => {
  const [old, fresh] = ["unfinished-old", "unfinished-fresh"].map((name) => join(cacheFolder, name));
  for (const folder of [old!, fresh!]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "weights.bin"), "half");
  }
  for (const path of [join(old!, "weights.bin"), old!]) utimesSync(path, 1000, 1000);
  await prepare(writeSource(work, "survivor", 0));
  expect(entries().filter((name) => name.startsWith("unfinished"))).toEqual(["unfinished-fresh"]);
});

test("a form that needs more room than there is is not made", async () => {
  const source = { ...writeSource(work, "huge", 0), weightBytes: 1e18 };
  expect(await prepare(source)).toBeUndefined();
  expect(notes).toEqual([
    expect.stringMatching(/^huge: no prepared weights, .* free in .* 1000000000\.0 GB are wanted/),
  ]);
  expect(entries()).toEqual([]);
});
