import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidModel } from "@armature/core";
import { afterAll, expect, test } from "vitest";
import { readSafetensorsHeader } from "./safetensors.js";
import { readFloats, readTensor, readTensors } from "./safetensors-data.js";

const folder = mkdtempSync(join(tmpdir(), "safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Tensors in the order given, so that those after an odd number of bytes are not aligned. */
const TENSORS: [name: string, dtype: string, bytes: number[], values: (number | bigint)[]][] = [
  ["flag", "BOOL", [1, 0, 1], [1, 0, 1]],
  ["half", "F16", [0x00, 0x3c, 0x01, 0x00], [1, 2 ** -24]],
  ["brain", "BF16", [0xc0, 0xbf], [-1.5]],
  ["single", "F32", [0x00, 0x00, 0x20, 0xc0], [-2.5]],
  ["double", "F64", [0, 0, 0, 0, 0, 0, 0xf0, 0x3f], [1]],
  ["long", "I64", [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [-2n]],
  ["int", "I32", [0xff, 0xff, 0xff, 0xff], [-1]],
  ["short", "I16", [0xfd, 0xff], [-3]],
  ["signed", "I8", [0xfc], [-4]],
  ["byte", "U8", [0xfc], [252]],
  ["empty", "F32", [], []],
];

function writeFile(): string {
  const entries: Record<string, unknown> = {};
  let end = 0;
  for (const [name, dtype, bytes, values] of TENSORS) {
    entries[name] = { dtype, shape: [values.length], data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  const header = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = join(folder, "all.safetensors");
  writeFileSync(file, Buffer.concat([length, header, ...TENSORS.map(([, , bytes]) => Buffer.from(bytes))]));
  return file;
}

test("every dtype is read with its values, also where it lies unaligned", () => {
  const tensors = readTensors(writeFile());
  for (const [name, dtype, , values] of TENSORS) {
    const tensor = tensors.get(name)!;
    expect(tensor.dtype).toBe(dtype);
    expect(tensor.shape).toEqual([values.length]);
    expect([...tensor.data], name).toEqual(values);
  }
});

test("any dtype can be had as float32", () => {
  const header = readSafetensorsHeader(writeFile());
  expect(readFloats(header, "long")).toEqual(Float32Array.of(-2));
  expect(readFloats(header, "double")).toEqual(Float32Array.of(1));
  expect(readFloats(header, "half")).toEqual(Float32Array.of(1, 2 ** -24));
});

test("a tensor that the file lacks is named together with the file", () => {
  const header = readSafetensorsHeader(writeFile());
  expect(() => readTensor(header, "bias")).toThrow(InvalidModel);
  expect(() => readTensor(header, "bias")).toThrow(/all\.safetensors: there is no tensor bias/);
});
