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
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { readRgb } from "../../../../testing/picture.js";
import { psnr } from "../../../../testing/picture-error.js";
import { DEVICE_TIMEOUT_MS, missingDevice, WEBGPU_FLOAT16, WEBGPU_FLOAT32 } from "../../../../testing/webgpu-device.js";
import { readCatalogue } from "../engine/catalogue.js";
import type { DiffusionDevice } from "../engine/device-settings.js";
import { openControlNet, openModel } from "../engine/open-component.js";
import { resolveScheduler } from "../schedulers/resolve.js";
import type { ControlNet, Model } from "./components.js";
import { generate } from "./generate.js";
import { seededNoise } from "./noise.js";

const CPU: DiffusionDevice = { profile: CPU_PROFILE, threads: 2 };
const FLOAT32: DiffusionDevice = { name: "webgpu", profile: WEBGPU_FLOAT32, threads: 1 };
const FLOAT16: DiffusionDevice = { name: "webgpu", profile: WEBGPU_FLOAT16, vaeProfile: WEBGPU_FLOAT32, threads: 1 };

const STEPS = 2;

const missing = await missingDevice("pipelines on a WebGPU device");

interface Case {
  width: number;
  height: number;
  controls: string[];
  tokenDownsampling?: number;
}

const CASES: Case[] = [
  { width: 128, height: 128, controls: [] },
  { width: 96, height: 64, controls: ["depth"] },
  { width: 128, height: 128, controls: ["depth", "canny"] },
  { width: 96, height: 128, controls: ["depth"], tokenDownsampling: 2 },
];

const INPUTS: Record<string, string> = {
  depth: "embedded/inputs/purple-sphere-and-orange-cube-depth.png",
  canny: "embedded/inputs/purple-sphere-and-orange-cube-canny.png",
};

const catalogue = readCatalogue({ modelsDir: EMBEDDED_MODELS });
const opened = new Map<string, Promise<unknown>>();

function once<T>(key: string, load: () => Promise<T>): Promise<T> {
  const known = opened.get(key) ?? load();
  opened.set(key, known);
  return known as Promise<T>;
}

function modelOn(device: DiffusionDevice): Promise<Model> {
  return once(device.profile.name, async () => (await openModel(catalogue.models[0]!, device)).opened);
}

function netOn(device: DiffusionDevice, type: string): Promise<ControlNet> {
  const entry = catalogue.controlnets.find((candidate) => candidate.type === type)!;
  return once(`${device.profile.name} ${type}`, async () => (await openControlNet(entry, device)).opened);
}

async function draw(
  device: DiffusionDevice,
  { width, height, controls, tokenDownsampling = 1 }: Case,
  checkpoint = async () => {},
): Promise<RgbImage> {
  const units = [];
  for (const type of controls) {
    const [net, image] = [await netOn(device, type), await readRgb(INPUTS[type]!)];
    units.push({ net, image, conditioningScale: 1, start: 0, end: 1, guessMode: false });
  }
  const { images } = await generate(
    await modelOn(device),
    {
      ...{ prompt: "a red cube on a table", negativePrompt: "blurry", width, height, count: 1 },
      ...{
        numInferenceSteps: STEPS,
        guidanceScale: 5,
        guidanceRescale: 0,
        guidanceInterval: { start: 0, end: 1 },
        deepCache: undefined,
        tokenDownsampling,
        eta: 0,
        clipSkip: 0,
      },
      scheduler: resolveScheduler("euler", catalogue.models[0]!.schedulerConfig),
      controls: units,
    },
    seededNoise([7]),
    { now: () => performance.now(), checkpoint },
  );
  return images[0]!;
}

const nameOf = ({ width, height, controls, tokenDownsampling }: Case) =>
  `${controls.join(" + ") || "text alone"}, ${width}x${height}${tokenDownsampling ? `, every ${tokenDownsampling}nd row and column` : ""}`;

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
    const onDevice = await netOn(FLOAT32, "depth");
    const image = new Tensor("float32", new Float32Array(3 * 64 * 64), [1, 3, 64, 64]);
    const { hint } = await onDevice.embedding.run({ image });
    expect(hint!.location).toBe("gpu-buffer");
    const { embedding } = await netOn(CPU, "depth");
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
