/** Writes small safetensors files for tests. */
import { writeFileSync } from "node:fs";
import type { SafetensorsDtype } from "@armature/weights";

export interface WrittenTensor {
  dtype: SafetensorsDtype;
  shape: number[];
  bytes: Uint8Array;
}

export function writeSafetensors(file: string, tensors: Record<string, WrittenTensor>): void {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([key, { dtype, shape, bytes }]) => {
      const begin = end;
      end += bytes.length;
      return [key, { dtype, shape, data_offsets: [begin, end] }];
    }),
  );
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(file, Buffer.concat([length, json, ...Object.values(tensors).map(({ bytes }) => bytes)]));
}

export function float32Tensor(shape: number[], values: readonly number[]): WrittenTensor {
  return { dtype: "F32", shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** A bfloat16 is the upper half of a float32; the values must need no more. */
export function bfloat16Tensor(shape: number[], values: readonly number[]): WrittenTensor {
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  return { dtype: "BF16", shape, bytes: new Uint8Array(Uint16Array.from(bits, (word) => word >>> 16).buffer) };
}
