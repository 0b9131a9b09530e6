/** Headers of safetensors files: sound ones say where tensors lie, unsound ones are refused by file and tensor. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidModel } from "@armature/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readSafetensorsHeader } from "./safetensors.js";

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "safetensors-"));
  file = join(dir, "model.safetensors");
});
afterEach(() => rm(dir, { recursive: true }));

type Entry = Record<string, unknown>;

const tensor = (dtype: unknown, shape: unknown, offsets: unknown): Entry => ({ dtype, shape, data_offsets: offsets });

/** Writes a file: header length (or `claimed`), header, and `dataBytes` of data. */
async function write(header: Record<string, unknown> | string, dataBytes: number, claimed?: bigint): Promise<void> {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.length));
  await writeFile(file, Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
}

test("a sound header: places counted from the start of the file, metadata apart", async () => {
  const header = {
    __metadata__: { format: "pt" },
    "a.weight": tensor("F16", [2, 3], [0, 12]),
    "b.bias": tensor("F32", [], [12, 16]),
    empty: tensor("F32", [0, 7], [16, 16]),
    "position_ids\u00e9": tensor("I64", [1, 2], [16, 32]),
  };
  await write(header, 32);
  const found = readSafetensorsHeader(file);
  const start = 8 + Buffer.byteLength(JSON.stringify(header));
  expect(found.metadata).toEqual({ format: "pt" });
  expect(found.fileBytes).toBe(start + 32);
  expect([...found.tensors]).toEqual([
    ["a.weight", { dtype: "F16", shape: [2, 3], offset: start, length: 12 }],
    ["b.bias", { dtype: "F32", shape: [], offset: start + 12, length: 4 }],
    ["empty", { dtype: "F32", shape: [0, 7], offset: start + 16, length: 0 }],
    ["position_ids\u00e9", { dtype: "I64", shape: [1, 2], offset: start + 16, length: 16 }],
  ]);
});

test("names that mean something to JavaScript are tensors like any other", async () => {
  await write(
    '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"constructor":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
    2,
  );
  expect([...readSafetensorsHeader(file).tensors.keys()]).toEqual(["__proto__", "constructor"]);
});

test.each<[string, Record<string, unknown> | string, number, RegExp]>([
  ["overlap", { a: tensor("F32", [2], [0, 8]), b: tensor("F32", [2], [4, 12]) }, 12, /tensors a and b overlap/],
  ["the same place twice", { a: tensor("U8", [4], [0, 4]), b: tensor("U8", [4], [0, 4]) }, 4, /overlap/],
  ["an end beyond the file", { a: tensor("F32", [4], [0, 16]) }, 12, /tensor a: truncated: it ends at byte/],
  ["a begin beyond the file", { a: tensor("U8", [1], [2 ** 40, 2 ** 40 + 1]) }, 12, /tensor a: truncated/],
  ["an unknown dtype", { a: tensor("F8_E4M3X", [1], [0, 1]) }, 1, /tensor a: unknown dtype "F8_E4M3X"/],
  ["a dtype of another kind", { a: tensor(7, [1], [0, 1]) }, 1, /unknown dtype 7/],
  ["a dtype that objects inherit", { a: tensor("toString", [1], [0, 1]) }, 1, /unknown dtype "toString"/],
  [
    "a length other than the shape's",
    { a: tensor("F32", [3], [0, 8]) },
    8,
    /F32 \[3\] wants 12 bytes, data_offsets hold 8/,
  ],
  ["offsets that go backwards", { a: tensor("F32", [1], [8, 4]) }, 8, /wants 4 bytes, data_offsets hold -4/],
  ["a negative offset", { a: tensor("F32", [1], [-4, 0]) }, 8, /are not two byte positions/],
  ["a fraction", { a: tensor("F32", [1], [0, 4.5]) }, 8, /are not two byte positions/],
  ["three offsets", { a: tensor("F32", [1], [0, 4, 8]) }, 8, /are not two byte positions/],
  ["no offsets", { a: { dtype: "F32", shape: [1] } }, 8, /data_offsets undefined/],
  ["a shape that is no list", { a: tensor("F32", "1", [0, 4]) }, 4, /is not a list of sizes/],
  ["a negative size", { a: tensor("F32", [-1, -1], [0, 4]) }, 4, /is not a list of sizes/],
  [
    "sizes whose product overflows",
    { a: tensor("F32", [2 ** 31, 2 ** 31, 4], [0, 4]) },
    4,
    /wants .* bytes, data_offsets hold 4/,
  ],
  [
    "sizes whose product wraps to zero in 64 bits",
    { a: tensor("U8", [2 ** 32, 2 ** 32], [0, 0]) },
    4,
    /wants .* bytes, data_offsets hold 0/,
  ],
  ["an entry that is no object", { a: [1] }, 4, /tensor a: its header entry is not an object/],
  [
    "a name twice",
    '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    1,
    /tensor a is declared twice/,
  ],
  [
    "a name twice, once escaped",
    '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    1,
    /declared twice/,
  ],
  ["text that is no JSON", '{"a":', 4, /header is not JSON/],
  ["a list", "[1,2]", 4, /header is not a JSON object/],
  ["null", "null", 4, /header is not a JSON object/],
  ["metadata that is no text", { __metadata__: { step: 3 } }, 0, /__metadata__ is not an object of strings/],
])("%s is refused", async (_what, header, dataBytes, message) => {
  await write(header, dataBytes);
  expect(() => readSafetensorsHeader(file)).toThrow(InvalidModel);
  expect(() => readSafetensorsHeader(file)).toThrow(message);
  expect(() => readSafetensorsHeader(file)).toThrow(file);
});

test.each<[string, bigint, RegExp]>([
  ["absurd", 2n ** 63n, /header length 9223372036854775808 is above 100000000/],
  ["just above the limit", 100_000_001n, /is above 100000000/],
  ["longer than the file", 500n, /truncated: the header wants 500 bytes/],
])("a header length that is %s is refused before it is read", async (_what, claimed, message) => {
  await write({ a: tensor("U8", [1], [0, 1]) }, 1, claimed);
  expect(() => readSafetensorsHeader(file)).toThrow(message);
});

test("a file that is missing, empty, a folder or cut off in its first bytes is named", async () => {
  expect(() => readSafetensorsHeader(join(dir, "none"))).toThrow(/none: cannot be opened \(ENOENT\)/);
  expect(() => readSafetensorsHeader(dir)).toThrow(InvalidModel);
  for (const content of ["", "1234567"]) {
    await writeFile(file, content);
    expect(() => readSafetensorsHeader(file)).toThrow(/bytes are too few for a safetensors file/);
  }
});

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 3438167536\n`;

test("a Git LFS pointer is called that, with what to do", async () => {
  await writeFile(file, POINTER);
  expect(() => readSafetensorsHeader(file)).toThrow(
    /model\.safetensors: is a Git LFS pointer, not the file of 3438167536 bytes .* run "git lfs pull"/,
  );
  await writeFile(file, `${POINTER}${"x".repeat(1024)}`);
  expect(() => readSafetensorsHeader(file)).toThrow(/header length \d+ is above/);
});
