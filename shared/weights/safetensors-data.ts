/** Reads the values of tensors, for tests and small tensors; weights stay in their file and are only pointed at. */
import { closeSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";
import { halfToFloat, InvalidModel } from "@armature/core";
import { readSafetensorsHeader, type SafetensorsDtype, type SafetensorsHeader } from "./safetensors.js";

/** A tensor's values in row-major order. F16 and BF16 are widened to float32, BOOL is 0 or 1. */
export interface Tensor {
  dtype: SafetensorsDtype;
  shape: number[];
  data: TensorValues;
}

type TensorValues = ReturnType<(typeof DECODE)[SafetensorsDtype]>;

/** Reads one tensor. Throws InvalidModel, naming file and tensor, if the file does not hold it. */
export function readTensor(header: SafetensorsHeader, name: string): Tensor {
  const location = header.tensors.get(name);
  if (!location) throw new InvalidModel(`${header.file}: there is no tensor ${name}`);
  const { dtype, shape, offset, length } = location;
  return { dtype, shape, data: DECODE[dtype](readBytes(header.file, offset, length)) };
}

/** Reads every tensor of a file by its name. */
export function readTensors(file: string): Map<string, Tensor> {
  const header = readSafetensorsHeader(file);
  return new Map([...header.tensors.keys()].map((name) => [name, readTensor(header, name)]));
}

/** Reads one tensor as float32 from any dtype; whole numbers beyond 2^24 and doubles are rounded. */
export function readFloats(header: SafetensorsHeader, name: string): Float32Array {
  const { data } = readTensor(header, name);
  return data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number | bigint>, Number);
}

/** The format is little-endian, and so is every processor that this project runs on. */
const DECODE = {
  F64: (bytes: ArrayBuffer) => new Float64Array(bytes),
  F32: (bytes: ArrayBuffer) => new Float32Array(bytes),
  F16: (bytes: ArrayBuffer) => halfToFloat(new Uint16Array(bytes)),
  BF16: (bytes: ArrayBuffer) => bfloatToFloat(new Uint16Array(bytes)),
  I64: (bytes: ArrayBuffer) => new BigInt64Array(bytes),
  I32: (bytes: ArrayBuffer) => new Int32Array(bytes),
  I16: (bytes: ArrayBuffer) => new Int16Array(bytes),
  I8: (bytes: ArrayBuffer) => new Int8Array(bytes),
  U8: (bytes: ArrayBuffer) => new Uint8Array(bytes),
  BOOL: (bytes: ArrayBuffer) => new Uint8Array(bytes),
} satisfies Record<SafetensorsDtype, (bytes: ArrayBuffer) => unknown>;

/** A bfloat16 is the upper half of a float32. */
function bfloatToFloat(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/** A buffer of its own, so that a typed array over it is aligned wherever the tensor lies in the file. */
function readBytes(file: string, offset: number, length: number): ArrayBuffer {
  if (endianness() !== "LE") throw new InvalidModel(`${file}: tensors are little-endian, this processor is not`);
  const bytes = new Uint8Array(length);
  const descriptor = openSync(file, "r");
  try {
    for (let filled = 0; filled < length; ) {
      const count = readSync(descriptor, bytes, filled, length - filled, offset + filled);
      if (count === 0) throw new InvalidModel(`${file}: ended while its tensors were read`);
      filled += count;
    }
  } finally {
    closeSync(descriptor);
  }
  return bytes.buffer;
}
