import { closeSync, openSync, writeSync } from "node:fs";
import { readSafetensorsHeader } from "@armature/weights";

/** Little-endian, by the type of the tensor. */
const NAN: Partial<Record<string, Uint8Array>> = { F16: Uint8Array.of(0, 0x7e), F32: Uint8Array.of(0, 0, 0xc0, 0x7f) };

/** Makes the first number of a tensor in a safetensors file NaN. */
export function poisonWeight(file: string, key: string): void {
  const { dtype, offset } = readSafetensorsHeader(file).tensors.get(key)!;
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, NAN[dtype]!, 0, undefined, offset);
  closeSync(descriptor);
}
