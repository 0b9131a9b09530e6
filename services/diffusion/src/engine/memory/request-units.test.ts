/** The sums beside real runs: sessions of the CPU stand in for the device's, in its forms and sizes. */
import { OutOfMemory } from "@armature/core";
import { DEVICE_FORMS } from "@armature/devices";
import { OpenNetworks } from "@armature/runtime";
import { expect, test, vi } from "vitest";
import { EMBEDDED_MODELS } from "../../../../../testing/model-folders.js";
import { generate } from "../../pipeline/generate.js";
import { seededNoise } from "../../pipeline/noise.js";
import { readCatalogue } from "../catalogue.js";
import { loadableControlNet, loadableModel, loadableShallowUNet } from "../loadables.js";
import { neededBytes } from "./needed-bytes.js";
import { type DevicePayload, requestUnits } from "./request-units.js";

vi.mock(import("../../../../../shared/runtime/device-session.js"), async (original) => {
  const { openSession, ...others } = await original();
  return { ...others, openSession: (model, settings) => openSession(model, { ...settings, device: "cpu" }) };
});

const profile = { ...DEVICE_FORMS.webgpu.plain, maxTensorBytes: 8 * 2 ** 20 };
/** Small enough that the VAE decodes in tiles of 16 latent cells. */
const vaeProfile = { ...profile, maxTensorBytes: 2 * 2 ** 20 };
const catalogue = readCatalogue({ modelsDir: EMBEDDED_MODELS });
const unitsOf = requestUnits(catalogue, { profile, vaeProfile, heldPerLive: 2 });

const request = (more: Partial<DevicePayload> = {}): DevicePayload => ({
  ...{ model: "tiny-sd", width: 128, height: 128, seeds: [1], guidanceScale: 5, controls: [] },
  ...{ guidanceInterval: { start: 0, end: 1 }, cacheInterval: 1, tokenDownsampling: 1 },
  ...more,
});
const depth = { type: "depth", guessMode: false };

const CASES: [string, DevicePayload][] = [
  ["a picture with guidance", request()],
  ["two without", request({ seeds: [1, 2], guidanceScale: 1 })],
  ["a picture decoded in tiles", request({ width: 192, height: 128 })],
  ["two with two ControlNets", request({ seeds: [1, 2], controls: [depth, { type: "canny", guessMode: false }] })],
  ["steps without guidance among others", request({ guidanceInterval: { start: 0.4, end: 1 }, controls: [depth] })],
  ["the shallow UNet between whole steps", request({ cacheInterval: 2, controls: [depth] })],
  ["fewer tokens, and the shallow UNet", request({ tokenDownsampling: 2, cacheInterval: 2, controls: [depth] })],
  ["a ControlNet in guess mode", request({ controls: [{ ...depth, guessMode: true }] })],
];

test.each(CASES)("the sums of %s name every session that it opens, and no other", async (_name, payload) => {
  const opened = new OpenNetworks();
  const device = { name: "webgpu" as const, profile, vaeProfile, threads: 2, opened };
  const entry = catalogue.models[0]!;
  const loadable = loadableModel(entry, device);
  const model = await loadable.load();
  const controls = [];
  for (const { type, guessMode } of payload.controls) {
    const net = await loadableControlNet(catalogue.controlnets.find((found) => found.type === type)!, device).load();
    const image = { data: new Uint8Array(3 * 64 * 64), width: 64, height: 64 };
    const usual = { conditioningScale: 1, start: 0, end: 1 };
    controls.push({ net, image, guessMode, conditionalOnly: guessMode, ...usual });
  }
  const { seeds, width, height, guidanceScale, guidanceInterval, cacheInterval, tokenDownsampling } = payload;
  const events = { now: () => performance.now(), checkpoint: async () => {} };
  const shallow = cacheInterval > 1 ? await loadableShallowUNet(entry, device).load() : undefined;
  await generate(
    model,
    {
      ...{ prompt: "a red cube", negativePrompt: "", width, height, count: seeds.length, numInferenceSteps: 4 },
      ...{ guidanceScale, guidanceRescale: 0, guidanceInterval, scheduler: entry.schedulerConfig, eta: 0 },
      ...{ clipSkip: 0, tokenDownsampling, controls, cacheInterval, shallow },
    },
    seededNoise(seeds),
    events,
  );
  const keys = unitsOf(payload).flatMap(({ parts }) => parts.map(({ key }) => key));
  expect(opened.keys().sort()).toEqual(keys.sort());
  await loadable.release(model);
  const wholeModel = (key: string) => key.includes(entry.folder) && !key.includes("shallow");
  expect(opened.keys().filter(wholeModel)).toEqual([]);
});

test("a larger picture needs more, and one that no device tensor holds is refused with the sums", () => {
  const untiled = requestUnits(catalogue, { profile, vaeProfile: profile, heldPerLive: 2 });
  const bytes = (side: number) => neededBytes(untiled(request({ width: side, height: side })).flatMap((u) => u.parts));
  expect(bytes(256)).toBeGreaterThan(bytes(128));
  expect(() => bytes(1024)).toThrow(OutOfMemory);
});
