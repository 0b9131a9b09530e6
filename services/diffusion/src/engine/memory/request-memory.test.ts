/** The sums beside real runs: sessions of the CPU stand in for the device's, in its forms and sizes. */
import { OutOfMemory } from "@armature/core";
import { DEVICE_FORMS } from "@armature/devices";
import { OpenNetworks } from "@armature/runtime";
import { expect, test, vi } from "vitest";
import { EMBEDDED_MODELS } from "../../../../../testing/model-folders.js";
import { openWorkbench } from "../../../../../testing/workbench.js";
import { generateRequest } from "../../contract/generate.js";
import type { NetworkForms } from "../../facts/device-settings.js";
import { type CompleteRequest, completeRequest } from "../../features/complete.js";
import { recipeOf } from "../../pipelines/index.js";
import { resolveRequest } from "../../request/resolve.js";
import { factsOf } from "../../served/facts-of.js";
import { readServed } from "../../served/read-served.js";
import { recipeUses } from "../../stages/recipe.js";
import { neededBytes } from "./needed-bytes.js";
import { findInFolders, memoryOfUses, type NetworkMemory } from "./network-memory.js";

vi.mock(import("../../../../../shared/runtime/device-session.js"), async (original) => {
  const { openSession, ...others } = await original();
  return { ...others, openSession: (model, settings) => openSession(model, { ...settings, device: "cpu" }) };
});

const profile = { ...DEVICE_FORMS.webgpu.plain, maxTensorBytes: 8 * 2 ** 20 };
/** Small enough that the VAE decodes in tiles of 16 latent cells. */
const vaeProfile = { ...profile, maxTensorBytes: 2 * 2 ** 20 };
const served = readServed({ modelsDir: EMBEDDED_MODELS });

function memoryIn(forms: NetworkForms): (request: CompleteRequest) => NetworkMemory[] {
  const memoryOf = memoryOfUses(findInFolders(served), { ...forms, heldPerLive: 2 });
  return (request) => memoryOf(recipeUses(recipeOf(request), factsOf(served, forms)));
}

const memoryOf = memoryIn({ profile, vaeProfile });

const request = (fields: object = {}): CompleteRequest => {
  const { controlnets = [], ...others } = fields as { controlnets?: object[] };
  const nets = controlnets.map((net) => ({ image: "AAAA", preprocessor: "none", ...net }));
  const usual = { prompt: "a red cube", width: 128, height: 128, seed: 1, num_inference_steps: 4, guidance_scale: 5 };
  const parsed = generateRequest(LIMITS).parse({ ...usual, scheduler: "ddim", ...others, controlnets: nets });
  const service = { served, limits: LIMITS, precision: undefined, drawSeed: () => 0 };
  return completeRequest(resolveRequest(parsed, service));
};
const LIMITS = { maxPixels: 2e6, maxSteps: 9, maxImages: 2, maxControlNets: 2, maxPromptLength: 99, maxWork: 1e9 };
const depth = { type: "depth" };

const CASES: [string, CompleteRequest][] = [
  ["a picture with guidance", request()],
  ["two without", request({ seed: [1, 2], guidance_scale: 1 })],
  ["a picture decoded in tiles", request({ width: 192, height: 128 })],
  ["two with two ControlNets", request({ seed: [1, 2], controlnets: [depth, { type: "canny" }] })],
  ["steps without guidance among others", request({ guidance_interval: [0.4, 1], controlnets: [depth] })],
  ["an interval of guidance that spans no step", request({ guidance_interval: [0.4, 0.5] })],
  ["a picture that starts from another", request({ image: "AAAA", strength: 0.5, controlnets: [depth] })],
  ["the shallow UNet between whole steps", request({ cache_interval: 2, controlnets: [depth] })],
  ["fewer tokens, and the shallow UNet", request({ token_downsampling: 2, cache_interval: 2, controlnets: [depth] })],
  ["a ControlNet in guess mode", request({ controlnets: [{ ...depth, guess_mode: true }] })],
  ["a ControlNet that acts in no step", request({ controlnets: [{ ...depth, control_guidance_start: 0.9 }] })],
];

test.each(CASES)("the sums of %s name every session that it opens, and no other", async (_name, asked) => {
  const opened = new OpenNetworks();
  const device = { name: "webgpu" as const, profile, vaeProfile, threads: 2, opened };
  const bench = openWorkbench({ modelsDir: EMBEDDED_MODELS }, device);
  const picture = { data: new Uint8Array(3 * 64 * 64), width: 64, height: 64 };
  await bench.run(asked, Object.fromEntries(asked.pictures.map(({ place }) => [place, picture])));
  expect(opened.keys().sort()).toEqual(
    memoryOf(asked)
      .map(({ key }) => key)
      .sort(),
  );
  await bench.release();
  expect(opened.keys()).toEqual([]);
});

test("a larger picture needs more, and one that no device tensor holds is refused with the sums", () => {
  const untiled = memoryIn({ profile, vaeProfile: profile });
  const bytes = (side: number) => neededBytes(untiled(request({ width: side, height: side })));
  expect(bytes(256)).toBeGreaterThan(bytes(128));
  expect(() => bytes(1024)).toThrow(OutOfMemory);
});
