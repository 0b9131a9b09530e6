/** Processes that fetch, prune and clean up at the same time: a file that one takes away between two steps of another is taken for gone. */
import { mkdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import PQueue from "p-queue";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { expectAllCame, justAfter, justBefore } from "../../testing/intrusion.js";
import { claim } from "./claim.js";
import { downloadFile } from "./download.js";
import { fetchPlanned, planFetch } from "./fetch-weights.js";
import { HashThread } from "./hash-thread.js";
import { readLock } from "./lock-file.js";
import { bytesLeftOver, PartFile } from "./part-file.js";
import { HuggingFaceCache } from "./sources/hf-cache.js";
import { LocalDirectory, readLocalFile } from "./sources/local-directory.js";
import type { ByteSink } from "./sources/source.js";
import { DEPTH, depth, QUICK, WEIGHTS, WeightsLab } from "./testing/weights-lab.js";
import { verifyWeights } from "./verify.js";

vi.mock(import("node:fs/promises"), async (original) =>
  (await import("../../testing/intrusion.js")).watched(await original()),
);

const { signal } = new AbortController();

let lab: WeightsLab;
beforeEach(async () => {
  lab = await WeightsLab.open();
});
afterEach(async () => {
  await lab.close();
  expectAllCame();
});

describe("a claim", () => {
  /** A number above the largest process id that Linux gives. */
  const DEAD = `${hostname()}\n${2 ** 22 + 1}\nid\n`;
  const OWNER = /x\.part\.owner$/;
  let folder: string;
  let file: string;
  let owner: string;
  beforeEach(() => {
    folder = join(lab.root, "claims");
    file = join(folder, "x.part");
    owner = `${file}.owner`;
    mkdirSync(folder);
  });
  const removeFolder = () => rmSync(folder, { recursive: true });
  const removeOwner = () => unlinkSync(owner);

  async function expectClaimed(): Promise<void> {
    const owned = await claim(file, signal);
    expect(owned.lost.aborted).toBe(false);
    await owned.release();
  }

  test("is made although the folder, being empty, was pruned just before", async () => {
    justBefore("writeFile", OWNER, removeFolder);
    await expectClaimed();
  });

  test.each(["readFile", "stat"])("is made when the holder goes before the %s of its name and time", async (call) => {
    writeFileSync(owner, "elsewhere\n1\nid\n");
    justBefore(call, OWNER, removeOwner);
    await expectClaimed();
  });

  test("is made when a dead holder's file goes before it is replaced", async () => {
    writeFileSync(owner, DEAD);
    justBefore("readFile", OWNER, () => justBefore("readFile", OWNER, removeOwner));
    await expectClaimed();
  });

  test("is made when the folder of a dead holder's file goes before that is replaced", async () => {
    writeFileSync(owner, DEAD);
    justBefore("writeFile", /x\.part\.owner\.[-0-9a-f]+$/, removeFolder);
    await expectClaimed();
  });

  test("is lost, by that name, when its file goes between a look at it and a touch", async () => {
    const owned = await claim(file, signal);
    justBefore("utimes", OWNER, removeOwner);
    await new Promise((resolve) => owned.lost.addEventListener("abort", resolve));
    expect(owned.lost.reason).toEqual(new Error(`${owner}: another process took over`));
    await owned.release();
  });
});

describe("an unfinished file", () => {
  const identity = { size: 10, content: "c", chunkBytes: 5 };
  let file: string;
  const removePart = () => unlinkSync(`${file}.part`);
  beforeEach(async () => {
    file = join(lab.root, "x");
    const part = await PartFile.open(file, identity);
    await part.write([Buffer.from("12345")], 0);
    await part.close();
  });

  test("that goes before it is opened is begun anew", async () => {
    justBefore("open", /x\.part$/, removePart);
    const part = await PartFile.open(file, identity);
    expect(part.missingChunks()).toEqual([0, 1]);
    await part.write([Buffer.from("abcde")], 0);
    await part.close();
    expect(await bytesLeftOver(file, identity)).toBe(5);
  });

  test("that becomes final after its journal was read leaves nothing over", async () => {
    justBefore("stat", /x\.part$/, removePart);
    expect(await bytesLeftOver(file, identity)).toBe(0);
  });
});

describe("a file of the models' folder", () => {
  const remove = () => rmSync(lab.path(WEIGHTS));

  test("that goes after it was planned to be hashed is fetched", async () => {
    const bytes = lab.publishControlnet(50_000);
    await lab.fetch();
    const options = { source: lab.source(), rehash: true, tuning: QUICK };
    const plan = await planFetch(depth(), { dir: lab.dir }, options);
    remove();
    await fetchPlanned(plan, { dir: lab.dir }, options);
    expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  });

  test("that another process fetched, and that goes before it is hashed, is fetched", async () => {
    const bytes = lab.publishControlnet(50_000);
    const { plan } = await lab.fetch();
    const file = plan.repositories[0]!.files.find(({ path }) => path === WEIGHTS)!;
    justAfter("stat", /safetensors$/, remove);
    const hasher = new HashThread();
    const context = { tuning: QUICK, connections: new PQueue(), hasher, emit: () => {}, signal };
    await downloadFile({ file, target: file.target, sources: [lab.source()] }, context);
    await hasher.close();
    expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  });

  test("that goes before it is verified is missing", async () => {
    lab.publishControlnet(50_000);
    await lab.fetch();
    const lock = await readLock(join(lab.dir, "armature-weights.lock.json"));
    justAfter("stat", /safetensors$/, remove);
    const verified = await verifyWeights({ dir: lab.dir, lock, signal });
    expect(verified.map(({ path, state }) => [path, state])).toEqual([
      ["config.json", "good"],
      [WEIGHTS, "missing"],
    ]);
  });
});

describe("a directory of weights", () => {
  let folder: string;
  let source: LocalDirectory;
  beforeEach(() => {
    source = new LocalDirectory(lab.root);
    folder = join(lab.root, DEPTH);
    mkdirSync(join(folder, "unet"), { recursive: true });
    for (const name of ["config.json", "unet/config.json"]) writeFileSync(join(folder, name), "{}");
  });
  const listed = async () => (await source.list(DEPTH, "main")).files.map(({ path }) => path);

  test("is listed without a folder that goes before it is entered", async () => {
    justBefore("readdir", /unet$/, () => rmSync(join(folder, "unet"), { recursive: true }));
    expect(await listed()).toEqual(["config.json"]);
  });

  test("is listed without a file that goes before it is looked at", async () => {
    justBefore("stat", /depth\/config\.json$/, () => unlinkSync(join(folder, "config.json")));
    expect(await listed()).toEqual(["unet/config.json"]);
  });

  test("is listed without what a folder takes the place of", async () => {
    const path = join(folder, "config.json");
    justBefore("stat", /depth\/config\.json$/, () => {
      unlinkSync(path);
      mkdirSync(path);
    });
    expect(await listed()).toEqual(["unet/config.json"]);
  });

  test("holds no repository whose folder goes before it is listed", async () => {
    justBefore("readdir", /depth$/, () => rmSync(folder, { recursive: true }));
    await expect(listed()).rejects.toMatchObject({ reason: "missing-repository" });
  });

  test("says of a file that goes before it is read that it is missing, so that another source may serve it", async () => {
    const sink: ByteSink = { begin: () => {}, write: async () => {} };
    const path = join(folder, "config.json");
    justAfter("stat", /config\.json$/, () => unlinkSync(path));
    const reading = readLocalFile(path, { start: 0, end: 2 }, sink, signal);
    await expect(reading).rejects.toMatchObject({ reason: "missing-file" });
  });
});

describe("the Python library's cache", () => {
  const COMMIT = "c".repeat(40);
  let cache: HuggingFaceCache;
  let snapshot: string;
  beforeEach(() => {
    cache = new HuggingFaceCache(lab.root);
    const folder = join(lab.root, `models--${DEPTH.replace("/", "--")}`);
    snapshot = join(folder, "snapshots", COMMIT);
    mkdirSync(join(snapshot, "unet"), { recursive: true });
    mkdirSync(join(folder, "blobs"));
    for (const [i, name] of ["config.json", "unet/config.json"].entries()) {
      const blob = join(folder, "blobs", String(i).repeat(40));
      writeFileSync(blob, "{}");
      symlinkSync(blob, join(snapshot, name));
    }
  });
  const listed = async () => (await cache.list(DEPTH, COMMIT)).files.map(({ path }) => path);
  const remove = () => unlinkSync(join(snapshot, "config.json"));

  test.each(["stat", "readlink"])("is listed without a link that goes before its %s", async (call) => {
    justBefore(call, /c\/config\.json$/, remove);
    expect(await listed()).toEqual(["unet/config.json"]);
  });

  test("is listed without a folder that goes before it is entered", async () => {
    justBefore("readdir", /unet$/, () => rmSync(join(snapshot, "unet"), { recursive: true }));
    expect(await listed()).toEqual(["config.json"]);
  });
});
