/** Writes correctly shaped random float16 models of Stable Diffusion 1.5's full size: time and memory do not depend on values. */
import { createWriteStream, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isDeepStrictEqual } from "node:util";
import { floatToHalf, TorchGenerator } from "@armature/core";
import { type ConfiguredNetwork, CPU_PROFILE } from "@armature/graph";
import { readSafetensorsHeader, type WeightPlace, type WeightView } from "@armature/weights";

export type Shapes = Record<string, readonly number[]>;

/** The tensors that the networks of one component want, each in the shape in which the first of them does. */
export function wantedTensors(networks: readonly Pick<ConfiguredNetwork, "trace">[]): Shapes {
  const tensors = new Map<string, WeightPlace>();
  const supply = (key: string, shape: readonly number[]) => {
    const place = nowhere(shape);
    tensors.set(key, place);
    return place;
  };
  for (const network of networks) network.trace({ name: NOWHERE, folder: ".", tensors, supply }, CPU_PROFILE);
  return Object.fromEntries([...tensors].map(([key, { shape }]) => [key, shape]));
}

const NOWHERE = "model.safetensors";

/** The place of a float16 tensor that no file holds: for programs that read shapes alone. */
export function nowhere(shape: readonly number[]): WeightPlace {
  return { file: NOWHERE, dtype: "F16", shape: [...shape], offset: 0, length: 2 * elements(shape) };
}

/** A view of such tensors, one after another in the order of their keys. */
export function shapesOnly(shapes: Shapes): WeightView {
  let offset = 0;
  const tensors = new Map<string, WeightPlace>();
  for (const key of Object.keys(shapes).sort()) {
    const place = { ...nowhere(shapes[key]!), offset };
    tensors.set(key, place);
    offset += place.length;
  }
  return { name: NOWHERE, folder: ".", tensors };
}

/** Writes `folder`/config.json and the weights file, unless the file is there with these tensors. */
export async function writeSyntheticModel(folder: string, file: string, config: object, shapes: Shapes): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  if (holds(join(folder, file), shapes)) return;
  const unfinished = join(folder, `${file}.unfinished`);
  await pipeline(Readable.from(safetensors(shapes)), createWriteStream(unfinished));
  renameSync(unfinished, join(folder, file));
}

function holds(file: string, shapes: Shapes): boolean {
  if (!existsSync(file)) return false;
  const { tensors } = readSafetensorsHeader(file);
  const found = Object.fromEntries([...tensors].map(([key, { shape }]) => [key, shape]));
  return isDeepStrictEqual(found, { ...shapes });
}

function* safetensors(shapes: Shapes): Generator<Buffer> {
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = 2 * elements(shape);
    header[name] = { dtype: "F16", shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  yield length;
  yield json;
  const noise = halfNoise();
  for (const shape of Object.values(shapes)) yield tensor(shape, noise);
}

/** Scaled by the square root of the fan-in, so that activations stay near one. */
function tensor(shape: readonly number[], noise: (scale: number) => Uint16Array): Buffer {
  const count = elements(shape);
  const fanIn = shape.length > 1 ? count / shape[0]! : 0;
  const table = noise(fanIn > 0 ? fanIn ** -0.5 : 0.1);
  const values = new Uint16Array(count);
  for (let filled = 0; filled < count; filled += table.length) {
    values.set(table.subarray(0, Math.min(table.length, count - filled)), filled);
  }
  return Buffer.from(values.buffer);
}

/** A table of normal values, repeated: drawing hundreds of millions would take longer than the benchmark. */
function halfNoise(): (scale: number) => Uint16Array {
  const values = new TorchGenerator(0).randn(65521); // a prime, so that rows of a weight differ
  return (scale) => floatToHalf(values.map((value) => value * scale));
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
