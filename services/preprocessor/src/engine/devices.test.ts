/**
 * Depth networks on a WebGPU device, in float32 and float16, beside the CPU's depth. No node may fall back to the CPU. Where
 * there is no device, the first test says that the others were left out.
 */
import { CPU_PROFILE } from "@armature/graph";
import { beforeAll, describe, expect, test } from "vitest";
import { fixturePath, relativeError } from "../../../../testing/golden.js";
import { readRgb } from "../../../../testing/picture.js";
import { DEVICE_TIMEOUT_MS, missingDevice, WEBGPU_FLOAT16, WEBGPU_FLOAT32 } from "../../../../testing/webgpu-device.js";
import { depthAnythingDepth } from "../depth/depth-anything-depth.js";
import { dptDepth } from "../depth/dpt-depth.js";
import { toPixelValues } from "../depth/dpt-image-processor.js";
import { loadableNetwork, type PreprocessorDevice } from "./loadable-networks.js";

/** Largest deviation, as a share of the maximum and as the device's own checks allow: 4.7e-5 was seen, in the hybrid's sixty normalised layers. */
const FLOAT32_TOLERANCE = 1e-4;
/** Largest deviation in float16, as a share of the maximum: WebGPU also sums in float16; 2.5e-2 was seen. */
const FLOAT16_TOLERANCE = 4e-2;

const CPU: PreprocessorDevice = { profile: CPU_PROFILE, threads: 2 };
const FLOAT32: PreprocessorDevice = { name: "webgpu", profile: WEBGPU_FLOAT32, threads: 1 };
const FLOAT16: PreprocessorDevice = { name: "webgpu", profile: WEBGPU_FLOAT16, threads: 1 };

const SCENE = "embedded/inputs/purple-sphere-and-orange-cube.png";

/** Both forms of DPT, patches of pixels and patches of a convolutional backbone; and Depth Anything. */
const NETWORKS = {
  "../models/depth-dpt-tiny": dptDepth,
  "models/dpt-random": dptDepth,
  "models/dpt-hybrid-random": dptDepth,
  "models/depth-anything-random": depthAnythingDepth,
};

async function depthOf(model: keyof typeof NETWORKS, device: PreprocessorDevice) {
  const loadable = loadableNetwork(NETWORKS[model], { id: model, folder: fixturePath(model), bytes: 0 }, device);
  const network = await loadable.load();
  const { imageProcessor, predict } = network.opened;
  const depth = await predict(toPixelValues(await readRgb(SCENE), imageProcessor));
  await loadable.release(network);
  return depth;
}

const missing = await missingDevice("depth networks on a WebGPU device");

describe.skipIf(missing)("on a WebGPU device", () => {
  for (const model of Object.keys(NETWORKS) as (keyof typeof NETWORKS)[]) {
    describe(model, () => {
      let wanted: Awaited<ReturnType<typeof depthOf>>;
      beforeAll(async () => {
        wanted = await depthOf(model, CPU);
      });

      test("the depth in float32 is the CPU's", { timeout: DEVICE_TIMEOUT_MS }, async () => {
        const found = await depthOf(model, FLOAT32);
        expect([found.width, found.height]).toEqual([wanted.width, wanted.height]);
        expect(relativeError(found.data, wanted.data)).toBeLessThan(FLOAT32_TOLERANCE);
        expect(relativeSpread(wanted.data)).toBeGreaterThan(0.05); // a relief, not a plane
      });

      test("the depth in float16 is near it", { timeout: DEVICE_TIMEOUT_MS }, async () => {
        const found = await depthOf(model, FLOAT16);
        expect(relativeError(found.data, wanted.data)).toBeLessThan(FLOAT16_TOLERANCE);
      });
    });
  }
});

/** The standard deviation, as a share of the maximum. */
function relativeSpread(data: Float32Array): number {
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  return Math.sqrt(variance) / data.reduce((a, b) => Math.max(a, b));
}
