/** A model of two convolutions with random weights: one takes Winograd's form, the other the runtime's. */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TorchGenerator } from "@armature/core";
import { CPU_PREPARED_PROFILE, conv2d, fromNchw, GraphBuilder, Scope, toNchw } from "@armature/graph";
import { readSafetensorsHeader, weightView } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { createSession } from "../../session.js";
import type { PreparedSource } from "../prepared-weights.js";

const CHANNELS = 32;

/** Writes `folder`/`name`.safetensors. */
export function writeSource(folder: string, name: string, seed: number): PreparedSource {
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
  const weightsFile = join(folder, `${name}.safetensors`);
  writeFileSync(weightsFile, Buffer.concat([length, json, ...data.map((values) => Buffer.from(values.buffer))]));

  const graph = new GraphBuilder(CPU_PREPARED_PROFILE, weightView([readSafetensorsHeader(weightsFile)]));
  const root = new Scope(graph);
  const x = fromNchw(graph.input("x", "float32", ["B", CHANNELS, "H", "W"]));
  const y = conv2d(root.at("b"), conv2d(root.at("a"), x, CHANNELS, { bias: false }), 8, { bias: false });
  graph.output("y", toNchw(y));
  const weightBytes = data.reduce((total, { byteLength }) => total + byteLength, 0);
  return {
    name,
    graph: graph.build("two convolutions"),
    weightsFolder: dirname(weightsFile),
    weightsFiles: [weightsFile],
    weightBytes,
  };
}

/** What a graph makes of a fixed input; `optimized` as for `createSession`. */
export async function answer(graph: Uint8Array, weightsFolder: string, optimized: boolean): Promise<Float32Array> {
  const session = await createSession(graph, { weightsFolder, threads: 1, optimized });
  const values = new TorchGenerator(1).randn(CHANNELS * 9 * 10);
  const { y } = await session.run({ x: new Tensor("float32", values, [1, CHANNELS, 9, 10]) });
  await session.release();
  return y!.data as Float32Array;
}
