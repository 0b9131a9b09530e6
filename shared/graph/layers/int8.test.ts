import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TorchGenerator } from "@armature/core";
import { createSession } from "@armature/runtime";
import { readSafetensorsHeader, weightView } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { GraphBuilder } from "../builder.js";
import { CPU_INT8_PROFILE, CPU_PROFILE, type DeviceProfile } from "../profile.js";
import { Scope } from "../scope.js";
import { conv2d, upsampleConv2d } from "./conv.js";
import { type FeatureMap, fromNchw, fromTokens, toNchw, toTokens } from "./feature-map.js";
import { linear } from "./linear.js";

/** Root mean square over the answer's: 8 bits for normal values, of weights and of activations (docs/performance.md: 0.014). */
const INT8_TOLERANCE = 0.02;

const [CHANNELS, OUT] = [64, 72];

const folder = mkdtempSync(join(tmpdir(), "int8-"));
const file = join(folder, "w.safetensors");
afterAll(() => rmSync(folder, { recursive: true }));

const LAYERS: Record<string, { kernel: number[]; layer: (g: Scope, x: FeatureMap) => FeatureMap }> = {
  "a linear layer": {
    kernel: [],
    layer: (g, x) => fromTokens(linear(g, toTokens(x), OUT), x),
  },
  "a 1x1 convolution": { kernel: [1, 1], layer: (g, x) => conv2d(g, x, OUT, { kernel: 1 }) },
  "a 3x3 convolution": { kernel: [3, 3], layer: (g, x) => conv2d(g, x, OUT) },
  "a 3x3 convolution after enlargement": { kernel: [3, 3], layer: (g, x) => upsampleConv2d(g, x, OUT, x) },
};

function writeWeights(kernel: number[]) {
  const shape = [OUT, CHANNELS, ...kernel];
  const generator = new TorchGenerator(3);
  const [weight, bias] = [generator.randn(shape.reduce((a, b) => a * b)), generator.randn(OUT)];
  weight.fill(0, 0, weight.length / OUT); // a channel of zeros divides by nothing
  const end = weight.byteLength;
  const header = {
    weight: { dtype: "F32", shape, data_offsets: [0, end] },
    bias: { dtype: "F32", shape: [OUT], data_offsets: [end, end + bias.byteLength] },
  };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(file, Buffer.concat([length, json, Buffer.from(weight.buffer), Buffer.from(bias.buffer)]));
}

async function apply(profile: DeviceProfile, layer: (g: Scope, x: FeatureMap) => FeatureMap): Promise<Float32Array> {
  const graph = new GraphBuilder(profile, weightView([readSafetensorsHeader(file)]));
  const x = fromNchw(graph.input("x", "float32", ["B", CHANNELS, "H", "W"]));
  graph.output("y", toNchw(layer(new Scope(graph), x)));
  const session = await createSession(graph.build("layer"), { weightsFolder: folder, threads: 1 });
  const values = new TorchGenerator(5).randn(2 * CHANNELS * 9 * 14).map((value) => value + 0.5);
  const { y } = await session.run({ x: new Tensor("float32", values, [2, CHANNELS, 9, 14]) });
  await session.release();
  return y!.data as Float32Array;
}

const squares = (values: Float32Array) => values.reduce((sum, value) => sum + value ** 2, 0);

test.each(Object.keys(LAYERS))("%s in 8 bits is near the exact one", async (name) => {
  const { kernel, layer } = LAYERS[name]!;
  writeWeights(kernel);
  const exact = await apply(CPU_PROFILE, layer);
  const int8 = await apply(CPU_INT8_PROFILE, layer);
  const error = Math.sqrt(squares(exact.map((value, i) => value - int8[i]!)) / squares(exact));
  expect(error).toBeLessThan(INT8_TOLERANCE);
  expect(error).toBeGreaterThan(1e-4); // it is another form
});
