/** Recorded tensors of the reference implementations, and the comparison that tests assert. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readSafetensorsHeader } from "@armature/weights";
import { expect } from "vitest";

export interface GoldenTensor {
  shape: number[];
  data: Float32Array;
}

/** The path of a file under fixtures/. */
export function fixturePath(path: string): string {
  return fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));
}

export function fixtureJson<T>(path: string): T {
  return JSON.parse(readFileSync(fixturePath(path), "utf8")) as T;
}

/** The float32 tensors of a safetensors file under fixtures/. */
export function goldens(path: string): (name: string) => GoldenTensor {
  const file = fixturePath(path);
  const { tensors } = readSafetensorsHeader(file);
  const bytes = readFileSync(file);
  return (name) => {
    const found = tensors.get(name);
    if (found?.dtype !== "F32") throw new Error(`${path} has no float32 tensor ${name}`);
    const { offset, length, shape } = found;
    return {
      shape,
      data: new Float32Array(bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + length)),
    };
  };
}

/** An int64 tensor of a safetensors file under fixtures/. */
export function integers(path: string, name: string): { shape: number[]; data: BigInt64Array } {
  const file = fixturePath(path);
  const found = readSafetensorsHeader(file).tensors.get(name);
  if (found?.dtype !== "I64") throw new Error(`${path} has no int64 tensor ${name}`);
  const bytes = readFileSync(file).subarray(found.offset, found.offset + found.length);
  return { shape: found.shape, data: new BigInt64Array(Uint8Array.from(bytes).buffer) };
}

/** The largest difference, as a share of the largest value of the golden. */
export function relativeError(found: ArrayLike<number>, golden: ArrayLike<number>): number {
  expect(found.length).toBe(golden.length);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < golden.length; i++) {
    const d = Math.abs(found[i]! - golden[i]!);
    if (!(d <= difference)) difference = d; // NaN gets through
    largest = Math.max(largest, Math.abs(golden[i]!));
  }
  return difference / largest;
}
