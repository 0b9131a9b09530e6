import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TorchGenerator } from "@armature/core";
import { createSession } from "@armature/runtime";
import { readSafetensorsHeader, weightView } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { GraphBuilder } from "../builder.js";
import { CPU_PREPARED_PROFILE, CPU_PROFILE, type DeviceProfile } from "../profile.js";
import { Scope } from "../scope.js";
import { conv2d, upsampleConv2d } from "./conv.js";
import { fromNchw, toNchw } from "./feature-map.js";

/** Largest deviation of an answer: F(4x4) rounds ten times as coarsely as the direct form (docs/performance.md). */
const WINOGRAD_TOLERANCE = 1e-4;

const [CHANNELS, OUT] = [40, 36];

const folder = mkdtempSync(join(tmpdir(), "winograd-"));
const file = join(folder, "w.safetensors");
writeWeights();
afterAll(() => rmSync(folder, { recursive: true }));

function writeWeights() {
  const generator = new TorchGenerator(3);
  const [weight, bias] = [generator.randn(OUT * CHANNELS * 9), generator.randn(OUT)];
  const json = Buffer.from(
    JSON.stringify({
      weight: { dtype: "F32", shape: [OUT, CHANNELS, 3, 3], data_offsets: [0, weight.byteLength] },
      bias: { dtype: "F32", shape: [OUT], data_offsets: [weight.byteLength, weight.byteLength + bias.byteLength] },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(file, Buffer.concat([length, json, Buffer.from(weight.buffer), Buffer.from(bias.buffer)]));
}

/** Runs one convolution, after enlargement to twice the size (less one row) if asked. */
async function convolve(profile: DeviceProfile, [batch, height, width]: number[], enlarged: boolean) {
  const graph = new GraphBuilder(profile, weightView([readSafetensorsHeader(file)]));
  const x = fromNchw(graph.input("x", "float32", ["B", CHANNELS, "H", "W"]));
  const size = fromNchw(graph.input("like", "float32", ["B", 1, "H2", "W2"]));
  const scope = new Scope(graph);
  graph.output("y", toNchw(enlarged ? upsampleConv2d(scope, x, OUT, size) : conv2d(scope, x, OUT)));
  const session = await createSession(graph.build("convolution"), { weightsFolder: folder, threads: 1 });
  const values = new TorchGenerator(5).randn(batch! * CHANNELS * height! * width!);
  const like = [batch!, 1, 2 * height! - 1, 2 * width!];
  const { y } = await session.run({
    x: new Tensor("float32", values, [batch!, CHANNELS, height!, width!]),
    like: new Tensor("float32", new Float32Array(like.reduce((a, b) => a * b)), like),
  });
  await session.release();
  return { data: y!.data as Float32Array, dims: y!.dims };
}

const SIZES = [
  [1, 8, 8],
  [2, 9, 22],
  [3, 65, 7],
  [1, 1, 1],
];

test.each(SIZES)("Winograd's form of %d pictures of %d x %d pixels equals the direct one", async (...size) => {
  for (const enlarged of [false, true]) {
    const direct = await convolve(CPU_PROFILE, size, enlarged);
    const winograd = await convolve(CPU_PREPARED_PROFILE, size, enlarged);
    expect(winograd.dims).toEqual(direct.dims);
    const deviation = Math.sqrt(direct.data.reduce((sum, value) => sum + value ** 2, 0) / direct.data.length);
    const worst = direct.data.reduce((most, value, i) => Math.max(most, Math.abs(value - winograd.data[i]!)), 0);
    expect(worst / deviation).toBeLessThan(WINOGRAD_TOLERANCE);
    expect(worst).toBeGreaterThan(0); // it is another form
  }
});
