/** Several services share the cache: one of them has its form in the end, also if another one acts between two of its steps. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { expectAllCame, justBefore } from "../../../testing/intrusion.js";
import { type PreparedForm, type PreparedSource, preparedForm } from "./prepared-weights.js";
import { answer, writeSource } from "./testing/two-convolutions.js";

vi.mock(import("node:fs/promises"), async (original) =>
  (await import("../../../testing/intrusion.js")).watched(await original()),
);

const ENTRY = /\/[0-9a-f]{32}$/;
const ENTRY_GRAPH = /\/[0-9a-f]{32}\/graph\.onnx$/;

let work: string;
let cacheFolder: string;
let source: PreparedSource;
let notes: string[];

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "interleavings-"));
  cacheFolder = join(work, "cache");
  mkdirSync(cacheFolder);
  source = writeSource(work, "mine", 0);
  notes = [];
});
afterEach(() => {
  rmSync(work, { recursive: true });
  expectAllCame();
});

const prepare = (wanted = source, limitBytes = 1e9, folder = cacheFolder) =>
  preparedForm(wanted, { folder, limitBytes, note: (line) => notes.push(line) });

const MADE = expect.stringMatching(/prepared weights made in/);

async function expectRight(form: PreparedForm | undefined): Promise<void> {
  expect(await answer(form!.graph, form!.weightsFolder, true)).toEqual(
    await answer(source.graph, source.weightsFolder, false),
  );
}

/** A folder in which another process writes, or wrote for the last time long ago. */
function otherUnfinished(changed: "now" | "long ago"): string {
  const folder = join(cacheFolder, "unfinished-other");
  mkdirSync(folder);
  writeFileSync(join(folder, "weights.bin"), "half");
  if (changed === "long ago") for (const path of [join(folder, "weights.bin"), folder]) utimesSync(path, 1000, 1000);
  return folder;
}

/** The entry as another process makes it, and what puts it into the cache in place of what is there. */
async function otherEntry(): Promise<{ inode: number; publish: () => void }> {
  const { weightsFolder } = (await prepare(source, 1e9, join(work, "other")))!;
  notes = [];
  const target = join(cacheFolder, basename(weightsFolder));
  const publish = () => {
    rmSync(target, { recursive: true, force: true });
    renameSync(weightsFolder, target);
  };
  return { inode: statSync(weightsFolder).ino, publish };
}

test.each([
  ["before it is looked into", "readdir", /unfinished-other$/],
  ["before its files are looked at", "stat", /unfinished-other\/weights\.bin$/],
  ["before it is looked at itself", "stat", /unfinished-other$/],
])("another process finishes its folder %s", async (_when, call, path) => {
  const other = otherUnfinished("now");
  justBefore(call, path, () => renameSync(other, join(work, "finished")));
  await expectRight(await prepare());
  expect(notes).toEqual([MADE]);
});

test("another process removes an abandoned folder just before this one does", async () => {
  const abandoned = otherUnfinished("long ago");
  justBefore("rm", /unfinished-other$/, () => rmSync(abandoned, { recursive: true }));
  await expectRight(await prepare());
  expect(notes).toEqual([MADE]);
});

test("an entry that appears while it is looked for is taken, not called damaged", async () => {
  const { inode, publish } = await otherEntry();
  justBefore("stat", ENTRY, publish);
  const form = await prepare();
  await expectRight(form);
  expect(notes).toEqual([]);
  expect(statSync(form!.weightsFolder).ino).toBe(inode);
});

test("an entry that appears while this one is made is taken", async () => {
  const { inode, publish } = await otherEntry();
  justBefore("rename", /unfinished-/, publish);
  const form = await prepare();
  await expectRight(form);
  expect(statSync(form!.weightsFolder).ino).toBe(inode);
  expect(readdirSync(cacheFolder)).toHaveLength(1);
});

test("an entry that appears and goes again while this one is made gives way to it", async () => {
  const { inode, publish } = await otherEntry();
  justBefore("rename", /unfinished-/, () => {
    publish();
    justBefore("stat", ENTRY, () => rmSync(join(cacheFolder, entryName()), { recursive: true }));
  });
  const form = await prepare();
  await expectRight(form);
  expect(notes).toEqual([MADE]);
  expect(statSync(form!.weightsFolder).ino).not.toBe(inode);
});

test("a whole entry that takes a damaged one's place before that is removed stays", async () => {
  const { inode, publish } = await otherEntry();
  writeFileSync(join((await prepare())!.weightsFolder, "weights.bin"), "damage");
  notes = [];
  justBefore("rename", ENTRY, publish);
  const form = await prepare();
  await expectRight(form);
  expect(notes).toEqual([expect.stringMatching(/are damaged/)]);
  expect(statSync(form!.weightsFolder).ino).toBe(inode);
  expect(readdirSync(cacheFolder)).toHaveLength(1);
});

test("an entry that goes while it is checked counts as none, not as damaged", async () => {
  await prepare();
  notes = [];
  justBefore("readFile", /manifest\.json$/, () => rmSync(join(cacheFolder, entryName()), { recursive: true }));
  await expectRight(await prepare());
  expect(notes).toEqual([MADE]);
});

test("an entry that goes before it is read is made again, once", async () => {
  await prepare();
  notes = [];
  const remove = () => rmSync(join(cacheFolder, entryName()), { recursive: true });
  justBefore("readFile", ENTRY_GRAPH, remove);
  await expectRight(await prepare());
  expect(notes).toEqual([MADE]);

  for (let i = 0; i < 2; i++) justBefore("readFile", ENTRY_GRAPH, remove);
  expect(await prepare()).toBeUndefined();
  expect(notes.at(-1)).toMatch(/mine: no prepared weights, .* was removed twice before it could be read/);
});

test("the whole cache goes when the limit is to be kept: the form is made again", async () => {
  justBefore("rename", /unfinished-/, () => {
    justBefore("readdir", /cache$/, () => rmSync(cacheFolder, { recursive: true }));
  });
  await expectRight(await prepare());
});

/** Two entries, the first used least recently, in a cache with room for two; a third is made. */
async function twoEntries(): Promise<{ folders: string[]; makeThird: () => Promise<PreparedForm | undefined> }> {
  const folders: string[] = [];
  for (const seed of [1, 2]) {
    folders.push((await prepare(writeSource(work, `other-${seed}`, seed)))!.weightsFolder);
    utimesSync(join(folders.at(-1)!, "manifest.json"), 1000 * seed, 1000 * seed);
  }
  const bytes = statSync(join(folders[0]!, "weights.bin")).size;
  return { folders, makeThird: () => prepare(source, 2.5 * bytes) };
}

const inManifest = (folder: string) => new RegExp(`${basename(folder)}/manifest\\.json$`);

test.each(["before", "after"])(
  "an entry goes %s its use is looked up: nothing else is removed for it",
  async (when) => {
    const { folders, makeThird } = await twoEntries();
    const remove = () => rmSync(folders[0]!, { recursive: true });
    const look = inManifest(folders[0]!);
    justBefore("stat", look, when === "before" ? remove : () => justBefore("stat", look, remove));
    const third = await makeThird();
    await expectRight(third);
    expect(readdirSync(cacheFolder).sort()).toEqual(
      [folders[1]!, third!.weightsFolder].map((path) => basename(path)).sort(),
    );
  },
);

test("an entry goes just before it is removed for the limit: nothing else is removed for it", async () => {
  const { folders, makeThird } = await twoEntries();
  justBefore("rename", new RegExp(`${basename(folders[0]!)}$`), () => rmSync(folders[0]!, { recursive: true }));
  const third = await makeThird();
  await expectRight(third);
  expect(readdirSync(cacheFolder).sort()).toEqual(
    [folders[1]!, third!.weightsFolder].map((path) => basename(path)).sort(),
  );
});

test("an entry that is used after it was listed for the limit stays, and the next one goes", async () => {
  const { folders, makeThird } = await twoEntries();
  const use = () => utimesSync(join(folders[0]!, "manifest.json"), new Date(), new Date());
  const look = inManifest(folders[0]!);
  justBefore("stat", look, () => justBefore("stat", look, use));
  const third = await makeThird();
  await expectRight(third);
  expect(readdirSync(cacheFolder).sort()).toEqual(
    [folders[0]!, third!.weightsFolder].map((path) => basename(path)).sort(),
  );
});

function entryName(): string {
  return readdirSync(cacheFolder).find((name) => /^[0-9a-f]{32}$/.test(name))!;
}
