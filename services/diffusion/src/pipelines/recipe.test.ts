/** What a recipe says before it runs. */
import { CPU_PROFILE } from "@armature/graph";
import { expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { generateRequest } from "../contract/generate.js";
import { completeRequest } from "../features/complete.js";
import { guidance } from "../features/guidance.js";
import { resolveRequest } from "../request/resolve.js";
import { factsOf } from "../served/facts-of.js";
import { readServed } from "../served/read-served.js";
import type { StageNamed } from "../stages/index.js";
import { recipeSteps, recipeUses, recipeWork, stageUses } from "../stages/recipe.js";
import { recipeOf } from "./index.js";

const limits = { maxPixels: 1e6, maxSteps: 50, maxImages: 2, maxControlNets: 2, maxPromptLength: 100, maxWork: 1e9 };
const served = readServed({ modelsDir: EMBEDDED_MODELS });
const facts = factsOf(served, { profile: CPU_PROFILE });

function recipe(fields: object = {}) {
  const usual = { prompt: "a cat", width: 128, height: 64, seed: 1, scheduler: "ddim", num_inference_steps: 10 };
  const request = generateRequest(limits).parse({ ...usual, guidance_scale: 5, ...fields });
  const service = { served, limits, precision: "float32" as const, drawSeed: () => 0 };
  return recipeOf(completeRequest(resolveRequest(request, service)));
}
const depth = (more: object = {}) => ({ type: "depth", image: "AAAA", preprocessor: "none", ...more });

test("a recipe is plain JSON, and reads as the method does", () => {
  const made = recipe({ controlnets: [depth(), depth({ guess_mode: true })], cache_interval: 2 });
  expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  const stages = ["encode-prompt", "prepare-adapter", "prepare-adapter", "denoise", "decode"];
  expect(made.map(({ stage }) => stage)).toEqual(stages);
});

test("without guidance the prompt is encoded alone; skipped layers are the prompt's", () => {
  const texts = (fields: object) => recipe({ clip_skip: 1, ...fields })[0];
  const prompt = { text: "a cat", clipSkip: 1 };
  expect(texts({ guidance_scale: 1 })).toMatchObject({ texts: [prompt] });
  expect(texts({ negative_prompt: "a dog" })).toMatchObject({ texts: [{ text: "a dog", clipSkip: 0 }, prompt] });
});

test("work and steps of a recipe are those of its stages", () => {
  expect(recipeWork(recipe())).toBe(128 * 64 * 10);
  expect(recipeSteps(recipe())).toBe(10);
  expect(recipeSteps(recipe({ scheduler: { name: "pndm", skip_prk_steps: false } }))).toBe(19);
});

test("what features give the denoising stage stands in it, a field that nobody here knows, too", () => {
  const given = { seeds: [1], eta: 0.5, guidance: { scale: 5, rescale: 0.7 }, tokenDownsampling: 2 };
  const fields = { eta: 0.5, guidance_rescale: 0.7, token_downsampling: 2 };
  expect(recipe(fields)[1]).toMatchObject({ stage: "denoise", ...given, precision: "float32", numInferenceSteps: 10 });
  const { denoising } = guidance;
  guidance.denoising = (resolved) => Object.assign(denoising!(resolved), { pagScale: 3 });
  expect(recipe(fields)[1]).toMatchObject({ ...given, pagScale: 3 });
  guidance.denoising = denoising!;
});

test("a picture to start from is encoded, and a share of the steps is made, of which controls act in theirs", () => {
  const half = { image: "AAAA", strength: 0.5, controlnets: [depth({ control_guidance_end: 0.4 })] };
  const made = recipe(half);
  expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  const stages = ["encode-prompt", "encode-image", "prepare-adapter", "denoise", "decode"];
  expect(made.map(({ stage }) => stage)).toEqual(stages);
  expect(made[3]).toMatchObject({ image: { begin: 5 } });
  expect(recipeSteps(made)).toBe(5);
  const acting = (made[3] as StageNamed<"denoise">).evaluations.map(({ calls }) => calls[0]!.adapters.length);
  expect(acting).toEqual([1, 1, 0, 0, 0]);
  expect(recipeWork(recipe({ image: "AAAA", strength: 0.55 }))).toBe(128 * 64 * 5);
  expect(recipeSteps(recipe({ ...half, scheduler: "plms", strength: 0.6 }))).toBe(7);
  expect(stageUses(made[1]!, facts)).toEqual([
    { component: "tiny-sd", network: "VAE encoder", sizes: { B: 1, H: 8, W: 16 } },
  ]);
});

test("each stage uses its own networks, and a recipe each once at each size", () => {
  const made = recipe({ controlnets: [depth(), depth()], seed: [1, 2] });
  const names = made.map((stage) => stageUses(stage, facts).map(({ network, sizes }) => `${network} ${sizes.B}`));
  const net = ["conditioning embedding 1", "prompt projections 4", "controlnet 4"];
  expect(names).toEqual([
    ["text encoder 2"],
    ["conditioning embedding 1"],
    ["conditioning embedding 1"],
    ["prompt projections 4", "unet 4", ...net, ...net],
    ["VAE decoder 1"],
  ]);
  const uses = recipeUses(made, facts);
  expect(uses).toHaveLength(7);
  expect(new Set(uses.map((use) => JSON.stringify(use))).size).toBe(7);
});

test("in 8 bits each picture has calls of its own, both its texts in one", () => {
  const made = recipe({ controlnets: [depth()], seed: [1, 2], precision: "int8", cache_interval: 2 });
  const denoising = stageUses(made.find(({ stage }) => stage === "denoise")!, facts);
  expect(denoising.map(({ network, sizes }) => `${network} ${sizes.B}`)).toEqual([
    ...["prompt projections 2", "unet 2", "shallow UNet 2"],
    ...["conditioning embedding 1", "prompt projections 2", "controlnet 2"],
  ]);
});

test("a ControlNet that acts in no step is neither prepared nor used", () => {
  const made = recipe({ controlnets: [depth({ control_guidance_start: 0.99 })] });
  expect(made.map(({ stage }) => stage)).toEqual(["encode-prompt", "denoise", "decode"]);
  expect(recipeUses(made, facts).map(({ component }) => component)).toEqual(Array(4).fill("tiny-sd"));
});
