/** The sums beside real runs: sessions of the CPU stand in for the device's, in its forms and sizes. */
import { OutOfMemory } from "@armature/core";
import { DEVICE_FORMS } from "@armature/devices";
import { OpenNetworks } from "@armature/runtime";
import { expect, test, vi } from "vitest";
import { EMBEDDED_MODELS } from "../../../../../testing/model-folders.js";
import { generate } from "../../pipeline/generate.js";
import { seededNoise } from "../../pipeline/noise.js";
import { readCatalogue } from "../catalogue.js";
import { decoderTiles } from "../decoder-tiles.js";
import type { DeviceForms } from "../device-settings.js";
import { openControlNet, openModel, openShallowUNet } from "../open-component.js";
import { requestUses, type SizingPayload } from "../request-uses.js";
import { neededBytes } from "./needed-bytes.js";
import { findInCatalogue, memoryOfUses } from "./network-memory.js";

vi.mock(import("../../../../../shared/runtime/device-session.js"), async (original) => {
  const { openSession, ...others } = await original();
  return { ...others, openSession: (model, settings) => openSession(model, { ...settings, device: "cpu" }) };
});

const profile = { ...DEVICE_FORMS.webgpu.plain, maxTensorBytes: 8 * 2 ** 20 };
/** Small enough that the VAE decodes in tiles of 16 latent cells. */
const vaeProfile = { ...profile, maxTensorBytes: 2 * 2 ** 20 };
const catalogue = readCatalogue({ modelsDir: EMBEDDED_MODELS });

function memoryIn(forms: DeviceForms): (payload: SizingPayload) => ReturnType<ReturnType<typeof memoryOfUses>> {
  const memoryOf = memoryOfUses(findInCatalogue(catalogue), { ...forms, heldPerLive: 2 });
  const tiles = decoderTiles(catalogue.models[0]!.vae, forms.vaeProfile!);
  return (payload) => memoryOf(requestUses(payload, catalogue, tiles?.side));
}

const memoryOf = memoryIn({ profile, vaeProfile });

const request = (more: Partial<SizingPayload> = {}): SizingPayload => ({
  ...{ model: "tiny-sd", width: 128, height: 128, seeds: [1], guidanceScale: 5, controls: [] },
  ...{ guidanceInterval: { start: 0, end: 1 }, cacheInterval: 1, tokenDownsampling: 1 },
  ...more,
});
const depth = { type: "depth", guessMode: false };

const CASES: [string, SizingPayload][] = [
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
  const { opened: model, release } = await openModel(entry, device);
  const controls = [];
  for (const { type, guessMode } of payload.controls) {
    const { opened: net } = await openControlNet(catalogue.controlnets.find((found) => found.type === type)!, device);
    const image = { data: new Uint8Array(3 * 64 * 64), width: 64, height: 64 };
    controls.push({ net, image, guessMode, conditioningScale: 1, start: 0, end: 1 });
  }
  const { seeds, width, height, guidanceScale, guidanceInterval, cacheInterval, tokenDownsampling } = payload;
  const events = { now: () => performance.now(), checkpoint: async () => {} };
  const shallow = cacheInterval > 1 ? (await openShallowUNet(entry, device)).opened : undefined;
  await generate(
    model,
    {
      ...{ prompt: "a red cube", negativePrompt: "", width, height, count: seeds.length, numInferenceSteps: 4 },
      ...{ guidanceScale, guidanceRescale: 0, guidanceInterval, scheduler: entry.schedulerConfig, eta: 0 },
      ...{ clipSkip: 0, tokenDownsampling, controls, deepCache: shallow && { interval: cacheInterval, shallow } },
    },
    seededNoise(seeds),
    events,
  );
  const keys = memoryOf(payload).map(({ key }) => key);
  expect(opened.keys().sort()).toEqual(keys.sort());
  await release();
  const wholeModel = (key: string) => key.includes(entry.folder) && !key.includes("shallow");
  expect(opened.keys().filter(wholeModel)).toEqual([]);
});

test("a larger picture needs more, and one that no device tensor holds is refused with the sums", () => {
  const untiled = memoryIn({ profile, vaeProfile: profile });
  const bytes = (side: number) => neededBytes(untiled(request({ width: side, height: side })));
  expect(bytes(256)).toBeGreaterThan(bytes(128));
  expect(() => bytes(1024)).toThrow(OutOfMemory);
});
