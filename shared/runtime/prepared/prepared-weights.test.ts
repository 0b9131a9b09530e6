import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Tensor } from "onnxruntime-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GraphBuilder } from "../../graph/builder.js";
import { conv2d } from "../../graph/layers/conv.js";
import { fromNchw, toNchw } from "../../graph/layers/feature-map.js";
import { CPU_PREPARED_PROFILE } from "../../graph/profile.js";
import { Scope } from "../../graph/scope.js";
import { TorchGenerator } from "../../tensor/torch-generator.js";
import { readSafetensorsHeader } from "../../weights/safetensors.js";
import { createSession } from "../session.js";
import { type PreparedForm, preparedForm } from "./prepared-weights.js";

const CHANNELS = 32;

let work: string;
let cacheFolder: string;
let notes: string[];

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "prepared-"));
  cacheFolder = join(work, "cache");
  notes = [];
});
afterEach(() => rm(work, { recursive: true }));

/** A model of two convolutions with random weights: one takes Winograd's form, the other the runtime's. */
function writeSource(name: string, seed: number) {
  const shapes = { "a.weight": [CHANNELS, CHANNELS, 3, 3], "b.weight": [8, CHANNELS, 3, 3] };
  const generator = new TorchGenerator(seed);
  const data = Object.values(shapes).map((shape) => generator.randn(shape.reduce((a, b) => a * b)));
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(shapes).map(([key, shape], i) => {
      const begin = end;
      end += data[i]!.byteLength;
      return [key, { dtype: "F32", shape, data_offsets: [begin, end] }];
    }),
  );
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const weightsFile = join(work, `${name}.safetensors`);
  writeFileSync(weightsFile, Buffer.concat([length, json, ...data.map((values) => Buffer.from(values.buffer))]));

  const graph = new GraphBuilder(CPU_PREPARED_PROFILE, readSafetensorsHeader(weightsFile));
  const root = new Scope(graph);
  const x = fromNchw(graph.input("x", "float32", ["B", CHANNELS, "H", "W"]));
  const y = conv2d(root.at("b"), conv2d(root.at("a"), x, CHANNELS, { bias: false }), 8, { bias: false });
  graph.output("y", toNchw(y));
  return { name, graph: graph.build("two convolutions"), weightsFolder: dirname(weightsFile), weightsFile };
}

type Source = ReturnType<typeof writeSource>;

const prepare = (source: Source, limitBytes = 1e9) =>
  preparedForm(source, { folder: cacheFolder, limitBytes, note: (line) => notes.push(line) });

async function answer(graph: Uint8Array, weightsFolder: string, optimized: boolean): Promise<Float32Array> {
  const session = await createSession(graph, { weightsFolder, threads: 1, optimized });
  const values = new TorchGenerator(1).randn(CHANNELS * 9 * 10);
  const { y } = await session.run({ x: new Tensor("float32", values, [1, CHANNELS, 9, 10]) });
  await session.release();
  return y!.data as Float32Array;
}

const expected = (source: Source) => answer(source.graph, source.weightsFolder, false);
const given = (form: PreparedForm | undefined) => answer(form!.graph, form!.weightsFolder, true);
const entries = () => readdirSync(cacheFolder);

test("the prepared form gives the same bits as the official file, and is made once", async () => {
  const source = writeSource("first", 0);
  expect(await given(await prepare(source))).toEqual(await expected(source));
  expect(notes).toEqual([expect.stringMatching(/^first: prepared weights made in/)]);
  expect(await given(await prepare(source))).toEqual(await expected(source));
  expect(notes).toHaveLength(1);
});

test("other weights under the same name, size and time are another entry", async () => {
  const before = writeSource("same", 0);
  await prepare(before);
  const { atime, mtime } = statSync(before.weightsFile);
  const after = writeSource("same", 7);
  utimesSync(after.weightsFile, atime, mtime);
  expect(await given(await prepare(after))).toEqual(await expected(after));
  expect(entries()).toHaveLength(2);
});

test("an entry under another's name is noticed", async () => {
  const [mine, other] = [writeSource("mine", 0), writeSource("other", 1)];
  const [first, second] = [(await prepare(mine))!.weightsFolder, (await prepare(other))!.weightsFolder];
  for (const name of readdirSync(second)) writeFileSync(join(first, name), readFileSync(join(second, name)));
  expect(await given(await prepare(mine))).toEqual(await expected(mine));
  expect(notes).toContainEqual(expect.stringContaining("damaged"));
});

test("two that make an entry at once end with one", async () => {
  const source = writeSource("shared", 0);
  const forms = await Promise.all([prepare(source), prepare(source), prepare(source)]);
  for (const form of forms) expect(await given(form)).toEqual(await expected(source));
  expect(entries()).toHaveLength(1);
});

test("without a place to write, there is one note and no prepared form", async () => {
  writeFileSync(cacheFolder, "a file where a folder should be");
  expect(await prepare(writeSource("homeless", 0))).toBeUndefined();
  expect(notes).toEqual([expect.stringMatching(/^homeless: no prepared weights, loading the official file/)]);
});

test("above the limit the least recently used entry goes, never the newest", async () => {
  const sources = [0, 1, 2].map((seed) => writeSource(`model-${seed}`, seed));
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
  await prepare(writeSource("survivor", 0));
  expect(entries().filter((name) => name.startsWith("unfinished"))).toEqual(["unfinished-fresh"]);
});

test("200 random faults: never a wrong answer", async () => {
  const source = writeSource("unlucky", 0);
  const wanted = await expected(source);
  const chance = random(1);
  for (let i = 0; i < 200; i++) {
    const form = await prepare(source);
    expect(await given(form), `fault ${i}`).toEqual(wanted);
    await damage(form!.weightsFolder, chance);
  }
}, 60_000);

/** One fault: a flipped byte, a cut file or a missing one. */
async function damage(folder: string, chance: () => number): Promise<void> {
  const names = readdirSync(folder);
  const file = join(folder, names[Math.floor(chance() * names.length)]!);
  const content = readFileSync(file);
  const at = Math.floor(chance() * content.length);
  const kind = chance();
  if (kind < 0.6) {
    content[at]! ^= 1 << Math.floor(chance() * 8);
    writeFileSync(file, content);
  } else if (kind < 0.85) truncateSync(file, at);
  else await rm(file);
}

/** Marsaglia's xorshift, so that a failure can be repeated; 0..1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
