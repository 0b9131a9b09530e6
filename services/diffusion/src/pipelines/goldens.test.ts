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
import { openWorkbench, type RunChoices, type Workbench } from "../../../../testing/workbench.js";
import type { CompleteRequest } from "../features/complete.js";
import { type Control, controlPicture } from "../features/controlnets.js";
import { IMAGE } from "../features/image.js";
import { completeSize } from "../features/size.js";
import { adaptersOfKind } from "../served/choose-adapter.js";
import { resolveScheduler } from "../served/resolve-scheduler.js";

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
    control_image?: string | string[];
    strength?: number;
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
    await expectParity(`pipelines/${name}`, stage(fixtures.folder, profile));
  });

  test.each(cases("embedded"))("the embedded models' %s equals diffusers' pictures and latents", async (name) => {
    await expectParity(`embedded/${name}`, stage(EMBEDDED_MODELS, profile));
  });
});

test("float16 graphs of the embedded models give the float32 pictures at 35 dB or better", async () => {
  const request = fixtureJson<Recorded>("embedded/controlnet-depth-ddim/request.json");
  const run = async (profile: DeviceProfile) =>
    (await runRecorded(request, "embedded/controlnet-depth-ddim", stage(EMBEDDED_MODELS, profile))).images[0]!;
  expect(psnr(await run(NCHW_FLOAT16_PROFILE), await run(NCHW_PROFILE))).toBeGreaterThan(35);
});

test("a picture of a batch is the one that its seed makes alone", async () => {
  const request = fixtureJson<Recorded>("embedded/txt2img-euler_a/request.json");
  const models = stage(EMBEDDED_MODELS, CPU_PROFILE);
  const { toRequest } = await readRecorded(request, "embedded/txt2img-euler_a", models);
  const both = await models.run({ ...toRequest(0), seeds: [5, 6] });
  const alone = await models.run({ ...toRequest(0), seeds: [6] });
  expect(relativeError(alone.images[0]!.data, both.images[1]!.data)).toBeLessThanOrEqual(1 / 255);
  expect(relativeError(alone.images[0]!.data, both.images[0]!.data)).toBeGreaterThan(0.1);
});

const benches = new Map<string, Workbench>();

/** The models of a folder in a profile; they stay open for the tests after. */
function stage(modelsDir: string, profile: DeviceProfile): Workbench {
  const key = `${modelsDir} ${profile.name}`;
  const bench = benches.get(key) ?? openWorkbench({ modelsDir }, { profile, threads: 2 });
  benches.set(key, bench);
  return bench;
}

/** The recorded call as requests, one for each of its prompts, and its pictures. */
async function readRecorded(recorded: Recorded, folder: string, { served }: Workbench) {
  const { model: id, controlnet, scheduler, call } = recorded;
  const entry = served.models.find((candidate) => candidate.id === id)!;
  const read = async (file: string) => picture(join(folder, file));
  const start = call.strength === undefined ? undefined : await read(call.image as string);
  const controlFiles = call.control_image ?? (start ? [] : (call.image ?? []));
  const controlImages = await Promise.all([controlFiles].flat().map(read));
  const controls = (controlnet ?? []).map((netId, i): Control => {
    const net = adaptersOfKind("controlnet", served).find(({ id }) => id === netId)!;
    return {
      ...{ type: net.type, net: net.id, processor: "none", options: {} },
      conditioningScale: pick(call.controlnet_conditioning_scale, i) ?? 1,
      start: pick(call.control_guidance_start, i) ?? 0,
      end: pick(call.control_guidance_end, i) ?? 1,
      guessMode: call.guess_mode ?? false,
      conditionalOnly: call.guess_mode || net.config.globalPool,
    };
  });
  const side = entry.configs.unet.sampleSize * entry.latents.scale;
  const own = completeSize({ side, most: 1e6 }, start ?? controlImages[0], "kept");
  const toRequest = (prompt: number): CompleteRequest => ({
    ...{ model: id, precision: undefined, seeds: seedsOf(recorded, prompt) },
    prompt: pick(call.prompt, prompt)!,
    negativePrompt: pick(call.negative_prompt, prompt) ?? "",
    clipSkip: call.clip_skip,
    size: { width: call.width ?? own.width, height: call.height ?? own.height },
    ...(call.strength !== undefined && { strength: call.strength }),
    numInferenceSteps: call.num_inference_steps,
    scheduler: resolveScheduler({ name: scheduler.class, ...scheduler.config_overrides }, entry.schedulerConfig),
    eta: call.eta ?? 0,
    guidanceScale: call.guidance_scale,
    guidanceRescale: call.guidance_rescale ?? 0,
    guidanceInterval: { start: 0, end: 1 },
    ...{ cacheInterval: 1, tokenDownsampling: 1, controls, pictures: [], output: { format: "png" } },
  });
  const controlPictures = controlImages.map((image, i) => [controlPicture(i), image]);
  return { toRequest, pictures: { ...Object.fromEntries(controlPictures), ...(start && { [IMAGE]: start }) } };
}

/** The recorded call; a list of prompts is made one by one, which a list of generators makes equal. */
async function runRecorded(recorded: Recorded, folder: string, models: Workbench) {
  const { toRequest, pictures } = await readRecorded(recorded, folder, models);
  const images: RgbImage[] = [];
  const steps: Float32Array[][] = [];
  const prompts = [recorded.call.prompt].flat().length;
  for (let prompt = 0; prompt < prompts; prompt++) {
    const latents: Float32Array[] = [];
    const onStep = (step: { latents: Float32Array }) => void latents.push(Float32Array.from(step.latents));
    const result = await models.run(toRequest(prompt), pictures, { ...noiseOf(recorded), onStep });
    images.push(...result.images);
    steps.push([...latents, result.latents!]);
  }
  // one array a step, the prompts side by side
  const joined = steps[0]!.map((_, step) => Float32Array.from(steps.flatMap((latents) => [...latents[step]!])));
  return { images, latents: joined };
}

function seedsOf({ generator_seed: seed, call }: Recorded, prompt: number): number[] {
  if (Array.isArray(seed)) return [seed[prompt]!];
  return Array.from({ length: call.num_images_per_prompt ?? 1 }, () => seed);
}

/** One generator draws for the whole batch, where a list of them was not recorded; then the picture to start from is drawn once for all. */
function noiseOf({
  generator_seed: seed,
  call: { strength, num_images_per_prompt: images = 1 },
}: Recorded): RunChoices {
  if (Array.isArray(seed)) return {};
  return {
    noise() {
      const generator = new TorchGenerator(seed);
      let drawsOfPicture = strength === undefined ? 0 : 1;
      return (count) => {
        if (drawsOfPicture-- <= 0) return generator.randn(count);
        const draw = generator.randn(count / images);
        return Float32Array.from({ length: count }, (_, i) => draw[i % draw.length]!);
      };
    },
  };
}

async function expectParity(folder: string, models: Workbench): Promise<void> {
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
