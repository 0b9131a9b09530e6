/** Whole pipelines against diffusers: noise, every step's latents and the pictures. fixtures/pipelines, fixtures/embedded. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TorchGenerator } from "@armature/core";
import { CPU_PROFILE, type DeviceProfile, NCHW_FLOAT16_PROFILE, NCHW_PROFILE } from "@armature/graph";
import { decodeImage } from "@armature/images";
import type { RgbImage } from "@armature/pixels";
import { afterAll, describe, expect, test } from "vitest";
import { fixtureJson, fixturePath, goldens, relativeError } from "../../../../testing/golden.js";
import { EMBEDDED_MODELS, fixtureModels } from "../../../../testing/model-folders.js";
import { psnr } from "../../../../testing/picture-error.js";
import { readCatalogue } from "../engine/catalogue.js";
import { openControlNet, openModel } from "../engine/open-component.js";
import { resolveScheduler } from "../schedulers/resolve.js";
import { generate, type NoiseSource } from "./generate.js";
import { seededNoise } from "./noise.js";

/** fixtures/README: the reference itself moves by 1.2e-5 when it is computed in float64. */
const LATENTS_TOLERANCE = 5e-4;
const MAX_LEVELS = 1;
const MAX_SHARE_OF_VALUES = 0.02;

interface Recorded {
  model: string;
  controlnet: string[] | null;
  scheduler: { class: string; config_overrides: Record<string, unknown> };
  generator_seed: number | number[];
  call: {
    prompt: string | string[];
    negative_prompt?: string | string[];
    image?: string | string[];
    height?: number;
    width?: number;
    num_inference_steps: number;
    guidance_scale: number;
    guidance_rescale?: number;
    num_images_per_prompt?: number;
    eta?: number;
    clip_skip?: number;
    controlnet_conditioning_scale?: number | number[];
    control_guidance_start?: number | number[];
    control_guidance_end?: number | number[];
    guess_mode?: boolean;
  };
}

const fixtures = fixtureModels();
afterAll(fixtures.remove);

const cases = (folder: string) =>
  readdirSync(fixturePath(folder)).filter((name) => name !== "inputs" && name !== "depth-dpt-tiny");

const PROFILES = [CPU_PROFILE, NCHW_PROFILE].map((profile) => [profile.name, profile] as const);

describe.each(PROFILES)("in the %s profile", (_, profile) => {
  test.each(cases("pipelines"))("%s equals diffusers' pictures and latents", async (name) => {
    await expectParity(`pipelines/${name}`, await stage(fixtures.folder, profile));
  });

  test.each(cases("embedded"))("the embedded models' %s equals diffusers' pictures and latents", async (name) => {
    await expectParity(`embedded/${name}`, await stage(EMBEDDED_MODELS, profile));
  });
});

test("float16 graphs of the embedded models give the float32 pictures at 35 dB or better", async () => {
  const request = fixtureJson<Recorded>("embedded/controlnet-depth-ddim/request.json");
  const run = async (profile: DeviceProfile) =>
    (await runRecorded(request, "embedded/controlnet-depth-ddim", await stage(EMBEDDED_MODELS, profile))).images[0]!;
  expect(psnr(await run(NCHW_FLOAT16_PROFILE), await run(NCHW_PROFILE))).toBeGreaterThan(35);
});

test("a picture of a batch is the one that its seed makes alone", async () => {
  const request = fixtureJson<Recorded>("embedded/txt2img-euler_a/request.json");
  const { open } = await stage(EMBEDDED_MODELS, CPU_PROFILE);
  const { model, toRequest } = await open(request, "embedded/txt2img-euler_a");
  const both = await generate(model, { ...toRequest(0), count: 2 }, seededNoise([5, 6]), quiet);
  const alone = await generate(model, toRequest(0), seededNoise([6]), quiet);
  expect(relativeError(alone.images[0]!.data, both.images[1]!.data)).toBeLessThanOrEqual(1 / 255);
  expect(relativeError(alone.images[0]!.data, both.images[0]!.data)).toBeGreaterThan(0.1);
});

const quiet = { now: () => 0, checkpoint: async () => {} };

const opened = new Map<string, Promise<unknown>>();

/** Models stay open for the tests after. */
function once<T>(key: string, open: () => Promise<{ opened: T }>): Promise<T> {
  const known = opened.get(key) ?? open().then((found) => found.opened);
  opened.set(key, known);
  return known as Promise<T>;
}

/** Opens the models of a folder in a profile. */
async function stage(modelsDir: string, profile: DeviceProfile) {
  const catalogue = readCatalogue({ modelsDir });
  const device = { profile, threads: 2 };
  const open = async ({ model: id, controlnet, scheduler, call }: Recorded, folder: string) => {
    const entry = catalogue.models.find((candidate) => candidate.id === id)!;
    const model = await once(`${profile.name} ${id}`, () => openModel(entry, device));
    const nets = (controlnet ?? []).map((net) => catalogue.controlnets.find((candidate) => candidate.id === net)!);
    const loaded = await Promise.all(
      nets.map((net) => once(`${profile.name} ${net.id}`, () => openControlNet(net, device))),
    );
    const pictures = await Promise.all([call.image ?? []].flat().map((file) => picture(join(folder, file))));
    const controls = loaded.map((net, i) => ({
      net,
      image: pictures[i]!,
      conditioningScale: pick(call.controlnet_conditioning_scale, i) ?? 1,
      start: pick(call.control_guidance_start, i) ?? 0,
      end: pick(call.control_guidance_end, i) ?? 1,
      guessMode: call.guess_mode ?? false,
    }));
    const toRequest = (prompt: number) => ({
      prompt: pick(call.prompt, prompt)!,
      negativePrompt: pick(call.negative_prompt, prompt) ?? "",
      width: call.width ?? pictures[0]?.width ?? entry.unet.sampleSize * entry.latents.scale,
      height: call.height ?? pictures[0]?.height ?? entry.unet.sampleSize * entry.latents.scale,
      count: call.num_images_per_prompt ?? 1,
      numInferenceSteps: call.num_inference_steps,
      guidanceScale: call.guidance_scale,
      guidanceRescale: call.guidance_rescale ?? 0,
      guidanceInterval: { start: 0, end: 1 },
      deepCache: undefined,
      tokenDownsampling: 1,
      scheduler: resolveScheduler({ name: scheduler.class, ...scheduler.config_overrides }, entry.schedulerConfig),
      eta: call.eta ?? 0,
      clipSkip: call.clip_skip ?? 0,
      controls,
    });
    return { model, toRequest };
  };
  return { open };
}

type Stage = Awaited<ReturnType<typeof stage>>;

/** The recorded call; a list of prompts is made one by one, which a list of generators makes equal. */
async function runRecorded(request: Recorded, folder: string, { open }: Stage) {
  const { model, toRequest } = await open(request, folder);
  const images: RgbImage[] = [];
  const steps: Float32Array[][] = [];
  const prompts = [request.call.prompt].flat().length;
  for (let prompt = 0; prompt < prompts; prompt++) {
    const latents: Float32Array[] = [];
    const result = await generate(model, toRequest(prompt), noiseOf(request, prompt), {
      ...quiet,
      onStep: ({ latents: before }) => void latents.push(Float32Array.from(before)),
      onLatents: (last) => void latents.push(Float32Array.from(last)),
    });
    images.push(...result.images);
    steps.push(latents);
  }
  // one array a step, the prompts side by side
  const joined = steps[0]!.map((_, step) => Float32Array.from(steps.flatMap((latents) => [...latents[step]!])));
  return { images, latents: joined };
}

function noiseOf({ generator_seed: seed }: Recorded, prompt: number): NoiseSource {
  if (Array.isArray(seed)) return seededNoise([seed[prompt]!]);
  const generator = new TorchGenerator(seed); // one generator draws for the whole batch
  return (count) => generator.randn(count);
}

async function expectParity(folder: string, models: Stage): Promise<void> {
  const request = fixtureJson<Recorded>(`${folder}/request.json`);
  const { images, latents } = await runRecorded(request, folder, models);
  const golden = goldens(`${folder}/tensors.safetensors`);
  const recorded = golden("latents_steps");
  expect(relativeError(latents[0]!, golden("latents_init").data)).toBeLessThan(LATENTS_TOLERANCE);
  expect(latents.length - 1).toBe(recorded.shape[0]);
  const size = recorded.data.length / recorded.shape[0]!;
  for (let step = 0; step < recorded.shape[0]!; step++) {
    const wanted = recorded.data.subarray(step * size, (step + 1) * size);
    expect(relativeError(latents[step + 1]!, wanted), `step ${step}`).toBeLessThan(LATENTS_TOLERANCE);
  }
  for (const [i, image] of images.entries()) {
    const wanted = await picture(`${folder}/image_${i}.png`);
    const differences = image.data.map((value, at) => Math.abs(value - wanted.data[at]!));
    expect(image.width).toBe(wanted.width);
    expect(differences.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(MAX_LEVELS);
    expect(differences.filter((d) => d > 0).length / differences.length).toBeLessThan(MAX_SHARE_OF_VALUES);
  }
}

function picture(path: string): Promise<RgbImage> {
  return decodeImage(readFileSync(fixturePath(path)), { maxPixels: 1e6, timeoutS: 10 });
}

function pick<T>(value: T | T[] | undefined, index: number): T | undefined {
  return Array.isArray(value) ? value[index] : value;
}
