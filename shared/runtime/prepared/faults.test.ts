/** Random faults of the cache: after each of them, what is computed is what the official file gives. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { builtFile } from "@armature/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PreparedForm, type PreparedSource, preparedForm } from "./prepared-weights.js";
import { answer, writeSource } from "./testing/two-convolutions.js";

/** `FAULT_RUNS=200 npx vitest run shared/runtime/prepared/faults.test.ts` is the long form. */
const RUNS = Number(process.env.FAULT_RUNS ?? 30);
builtFile("shared/runtime/dist/prepared/prepared-weights.js");
const CHILD = fileURLToPath(new URL("./testing/prepare-child.mjs", import.meta.url));

/** A little more than the prepared form takes, in bytes. */
const SMALL_DISK = 256 * 1024;

let work: string;
let source: PreparedSource;
let graphFile: string;
let expected: Float32Array;
let smallDisk: SmallDisk | undefined;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), "faults-"));
  source = writeSource(work, "unlucky", 0);
  graphFile = join(work, "graph.onnx");
  writeFileSync(graphFile, source.graph);
  expected = await answer(source.graph, source.weightsFolder, false);
  smallDisk = makeSmallDisk(join(work, "small"));
});
afterAll(() => {
  smallDisk?.remove();
  rmSync(work, { recursive: true });
});

const FAULTS: Record<string, (cache: string, chance: Chance) => Promise<void>> = {
  async "a changed or missing file"(cache, chance) {
    const folder = (await prepare(cache))!.weightsFolder;
    damage(folder, chance);
  },

  async "killed while writing"(cache, chance) {
    rmSync(cache, { recursive: true, force: true });
    const child = startChild(cache);
    await child.ready;
    await new Promise((resolve) => setTimeout(resolve, chance() * WRITING_MS));
    child.process.kill("SIGKILL");
    await child.ended;
  },

  async "two at once"(cache, chance) {
    const children = [startChild(cache), startChild(cache)];
    await Promise.all(children.map(({ ready }) => ready));
    const killed = chance() < 0.5 ? children.pop()! : undefined;
    killed?.process.kill("SIGKILL");
    for (const child of children) expect(await child.answer).toEqual(expected);
    await killed?.ended;
    if (!killed) expect(entriesOf(cache)).toHaveLength(1);
  },

  /** A full disk needs a mount; where mounting is not allowed, the limit below stands for it. */
  async "a full disk"(cache, chance) {
    if (!smallDisk) return FAULTS["a limit on the size of files"]!(cache, chance);
    // below a fifth the cache does not even begin
    smallDisk.leave((0.2 + 0.8 * chance()) * SMALL_DISK);
    try {
      expect(await startChild(smallDisk.cache).answer).toEqual(expected);
      await expectRight(smallDisk.cache);
    } finally {
      smallDisk.leave(SMALL_DISK);
    }
    await expectRight(smallDisk.cache);
    for (const name of readdirSync(smallDisk.cache)) rmSync(join(smallDisk.cache, name), { recursive: true });
  },

  async "a limit on the size of files"(cache, chance) {
    rmSync(cache, { recursive: true, force: true });
    // without its signal the limit is an error of the write; `ulimit -f` counts 512 bytes
    const limit = `trap '' XFSZ; ulimit -f ${Math.ceil((chance() * SMALL_DISK) / 512)}; exec "$@"`;
    expect(await startChild(cache, ["sh", "-c", limit, "sh"]).answer).toEqual(expected);
  },
};

/** About what a child needs to prepare this source. */
const WRITING_MS = 80;

test(`${RUNS} random faults: never a wrong answer`, async () => {
  const chance = random(1);
  const kinds = Object.entries(FAULTS);
  const cache = join(work, "cache");
  for (let i = 0; i < RUNS; i++) {
    const [kind, fault] = kinds[i % kinds.length]!;
    // half of the faults meet a cache that holds the entry
    if (chance() < 0.5) rmSync(cache, { recursive: true, force: true });
    await fault(cache, chance).catch((cause) => {
      throw new Error(`fault ${i}, ${kind}: ${cause.message}`, { cause });
    });
    await expectRight(cache, `after fault ${i}, ${kind}`);
    expect(await prepare(cache), `after fault ${i}, ${kind}, the form can be made again`).toBeDefined();
  }
}, 600_000);

function prepare(folder: string): Promise<PreparedForm | undefined> {
  return preparedForm(source, { folder, limitBytes: 1e9, note: () => {} });
}

/** Computes as a service does (from the prepared form where there is one, else from the official file), and expects the right values. */
async function expectRight(cache: string, message?: string): Promise<void> {
  const form = await prepare(cache);
  const used = form ?? source;
  expect(await answer(used.graph, used.weightsFolder, form !== undefined), message).toEqual(expected);
}

/** The entries of the cache, without what killed processes left. */
function entriesOf(cache: string): string[] {
  return readdirSync(cache).filter((name) => !name.startsWith("unfinished-"));
}

/** A flipped bit, a cut file or a missing one. */
function damage(folder: string, chance: Chance): void {
  const names = readdirSync(folder);
  const file = join(folder, names[Math.floor(chance() * names.length)]!);
  const content = readFileSync(file);
  const at = Math.floor(chance() * content.length);
  const kind = chance();
  if (kind < 0.6) {
    content[at]! ^= 1 << Math.floor(chance() * 8);
    writeFileSync(file, content);
  } else if (kind < 0.85) truncateSync(file, at);
  else rmSync(file);
}

interface Child {
  process: ChildProcess;
  ready: Promise<void>;
  /** What the process computed. */
  answer: Promise<Float32Array>;
  ended: Promise<void>;
}

function startChild(cache: string, launcher: readonly string[] = []): Child {
  const [command, ...args] = [
    ...launcher,
    process.execPath,
    CHILD,
    cache,
    source.name,
    graphFile,
    ...source.weightsFiles,
  ];
  const child = spawn(command!, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  let isReady = () => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    isReady();
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const result = ended.then(() => {
    const bytes = Buffer.from(lines[2] ?? "", "base64");
    return new Float32Array(Uint8Array.from(bytes).buffer);
  });
  return { process: child, ready: Promise.race([ready, ended]), answer: result, ended };
}

interface SmallDisk {
  cache: string;
  /** Fills the disk up to `bytes` that stay free. */
  leave: (bytes: number) => void;
  remove: () => void;
}

/** A file system of its own, where mounting is allowed. */
function makeSmallDisk(folder: string): SmallDisk | undefined {
  mkdirSync(folder);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SMALL_DISK}`, "none", folder], { stdio: "ignore" });
  } catch {
    console.warn("no right to mount a small disk: a limit on the size of files stands for a full one");
    return undefined;
  }
  const cache = join(folder, "cache");
  mkdirSync(cache);
  return {
    cache,
    leave: (bytes) => writeFileSync(join(folder, "filler"), Buffer.alloc(SMALL_DISK - Math.floor(bytes))),
    remove: () => execFileSync("umount", [folder]),
  };
}

type Chance = () => number;

/** Marsaglia's xorshift, so that a failure can be repeated; 0..1. */
function random(seed: number): Chance {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
