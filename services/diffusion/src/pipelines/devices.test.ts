/**
 * Whole pipelines of the embedded models on a WebGPU device, in float32 and float16, beside the CPU's pictures. No node may
 * fall back to the CPU. Where there is no device, the first test says that the others were left out; with REQUIRE_DEVICE set,
 * as in CI, it fails instead.
 */
import { Cancelled } from "@armature/core";
import { CPU_PROFILE } from "@armature/graph";
import type { RgbImage } from "@armature/pixels";
import { disposeOnDevice, liveDeviceTensors } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { type EmbeddedPipeline, embeddedControl, openEmbedded } from "../../../../testing/embedded-pipeline.js";
import { psnr } from "../../../../testing/picture-error.js";
import { DEVICE_TIMEOUT_MS, missingDevice, WEBGPU_FLOAT16, WEBGPU_FLOAT32 } from "../../../../testing/webgpu-device.js";
import type { DiffusionDevice } from "../facts/device-settings.js";
import { conditioningEmbeddingNetwork } from "../networks/controlnet.js";

const CPU: DiffusionDevice = { profile: CPU_PROFILE, threads: 2 };
const FLOAT32: DiffusionDevice = { name: "webgpu", profile: WEBGPU_FLOAT32, threads: 1 };
const FLOAT16: DiffusionDevice = { name: "webgpu", profile: WEBGPU_FLOAT16, vaeProfile: WEBGPU_FLOAT32, threads: 1 };

const STEPS = 2;

const missing = await missingDevice("pipelines on a WebGPU device");

interface Case {
  width: number;
  height: number;
  controls: ("depth" | "canny")[];
  tokenDownsampling?: number;
  strength?: number;
}

const CASES: Case[] = [
  { width: 128, height: 128, controls: [] },
  { width: 96, height: 64, controls: ["depth"] },
  { width: 128, height: 128, controls: ["depth", "canny"] },
  { width: 96, height: 128, controls: ["depth"], tokenDownsampling: 2 },
  { width: 96, height: 128, controls: ["depth"], strength: 0.6 },
];

const benches = new Map<DiffusionDevice, EmbeddedPipeline>();

function benchOn(device: DiffusionDevice): EmbeddedPipeline {
  const known = benches.get(device) ?? openEmbedded(device);
  benches.set(device, known);
  return known;
}

async function draw(
  device: DiffusionDevice,
  { width, height, controls, tokenDownsampling = 1, strength }: Case,
  checkpoint = async () => {},
): Promise<RgbImage> {
  const { image } = await benchOn(device).draw(
    {
      ...{ prompt: "a red cube on a table", numInferenceSteps: STEPS, guidanceScale: 5 },
      ...{ size: { width, height }, tokenDownsampling, controls: controls.map((type) => embeddedControl(type)) },
      ...(strength !== undefined && { strength }),
    },
    { checkpoint },
  );
  return image;
}

/** What makes a ControlNet's hint. */
const embeddingOn = (device: DiffusionDevice) => {
  const { bench } = benchOn(device);
  return bench.session("controlnet-depth", conditioningEmbeddingNetwork);
};

const nameOf = ({ width, height, controls, tokenDownsampling, strength }: Case) =>
  [
    ...[controls.join(" + ") || "text alone", `${width}x${height}`],
    ...(tokenDownsampling ? [`every ${tokenDownsampling}nd row and column`] : []),
    ...(strength ? ["from a picture"] : []),
  ].join(", ");

if (!missing) {
  describe.each(CASES.map((one) => [nameOf(one), one] as const))("%s", (_, one) => {
    test("float32 gives the CPU's picture", { timeout: DEVICE_TIMEOUT_MS }, async () => {
      const [found, wanted] = [await draw(FLOAT32, one), await draw(CPU, one)];
      expect(shareWithin(2, found, wanted)).toBeGreaterThanOrEqual(0.99);
      expect(spread(wanted)).toBeGreaterThan(20); // a picture, not a plain colour
    });

    test("float16 gives it at 30 dB or better", { timeout: DEVICE_TIMEOUT_MS }, async () => {
      expect(psnr(await draw(FLOAT16, one), await draw(CPU, one))).toBeGreaterThanOrEqual(30);
    });
  });

  test("another request changes the device's picture as it changes the CPU's", {
    timeout: DEVICE_TIMEOUT_MS,
  }, async () => {
    const [plainPicture, controlled] = [await draw(FLOAT32, CASES[0]!), await draw(FLOAT32, CASES[2]!)];
    expect(shareWithin(2, plainPicture, controlled)).toBeLessThan(0.9);
  });

  test("a job leaves no tensor on the device, be it done or cancelled", { timeout: DEVICE_TIMEOUT_MS }, async () => {
    await draw(FLOAT32, CASES[2]!);
    expect(liveDeviceTensors()).toBe(0);
    let calls = 0;
    const cancel = async () => {
      if (calls++ === 3) throw new Cancelled();
    };
    await expect(draw(FLOAT32, CASES[2]!, cancel)).rejects.toThrow(Cancelled);
    expect(liveDeviceTensors()).toBe(0);
  });

  test("a tensor on the device never reaches a session of another one", { timeout: DEVICE_TIMEOUT_MS }, async () => {
    const onDevice = await embeddingOn(FLOAT32);
    const image = new Tensor("float32", new Float32Array(3 * 64 * 64), [1, 3, 64, 64]);
    const { hint } = await onDevice.run({ image });
    expect(hint!.location).toBe("gpu-buffer");
    const embedding = await embeddingOn(CPU);
    await expect(embedding.run({ image: hint! })).rejects.toThrow(/lies in the memory of a WebGPU device/);
    expect(liveDeviceTensors()).toBe(1);
    disposeOnDevice({ hint: hint! });
    expect(liveDeviceTensors()).toBe(0);
  });
}

function shareWithin(levels: number, found: RgbImage, wanted: RgbImage): number {
  expect([found.width, found.height]).toEqual([wanted.width, wanted.height]);
  return found.data.filter((value, i) => Math.abs(value - wanted.data[i]!) <= levels).length / found.data.length;
}

/** The standard deviation of the levels. */
function spread({ data }: RgbImage): number {
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  return Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
}
