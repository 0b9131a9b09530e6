/** What an answer says of a request that was done otherwise than it reads, or of which a part had no effect. */
import type { RgbImage } from "@armature/pixels";
import { expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { readRgb } from "../../../../testing/picture.js";
import { generateRequest } from "../contract/generate.js";
import { completeRequest } from "../features/complete.js";
import { recipeOf } from "../pipelines/index.js";
import type { CutTexts } from "../prompts/prompt-embeds.js";
import { readServed } from "../served/read-served.js";
import { resolveRequest } from "./resolve.js";
import { warningsOf } from "./warnings.js";

const modelsDir = EMBEDDED_MODELS;
const served = readServed({ modelsDir });
const limits = {
  ...{ maxPixels: 1e6, maxSteps: 50, maxImages: 1, maxControlNets: 2 },
  ...{ maxPromptLength: 100, maxWork: 1e9 },
};
const USUAL = { prompt: "a cat", num_inference_steps: 10, guidance_scale: 5, scheduler: "euler" };

interface Circumstances {
  pictures?: Record<string, RgbImage>;
  cutTexts?: CutTexts;
  from?: typeof served;
}

function warnings(fields: object, { pictures = {}, cutTexts = {}, from = served }: Circumstances = {}): string[] {
  const request = generateRequest(limits).parse({ ...USUAL, ...fields });
  const service = { served: from, limits, precision: "float32" as const, drawSeed: () => 0 };
  const resolved = resolveRequest(request, service);
  const complete = completeRequest(resolved, pictures);
  return warningsOf({ resolved, request: complete, recipe: recipeOf(complete), pictures, cutTexts });
}

test("a request that is done as it reads has none", () => {
  const all = { negative_prompt: "a dog", guidance_interval: [0.1, 0.8], guidance_rescale: 0.5, cache_interval: 3 };
  expect(warnings({})).toEqual([]);
  expect(warnings(all)).toEqual([]);
  expect(warnings({ scheduler: "ddim", eta: 0.5 })).toEqual([]);
});

test.each([
  [{ precision: "int8" }, [/8 bits/]],
  [{ guidance_scale: 1, negative_prompt: "a dog" }, [/^The negative_prompt has no effect/]],
  [{ guidance_scale: 1, guidance_rescale: 0.5 }, [/^The guidance_rescale has no effect/]],
  [{ guidance_scale: 1, guidance_interval: [0, 0.5] }, [/^The guidance_interval has no effect: it wants .* above 1/]],
  [
    { guidance_interval: [0.41, 0.59], negative_prompt: "a dog" },
    [/^The negative_prompt/, /^The guidance_scale has no effect: no step of 10 lies whole in .* \[0.41, 0.59\]/],
  ],
  [{ scheduler: "dpm++ 2m", eta: 0.5 }, [/^The eta has no effect: .* DPMSolverMultistepScheduler/]],
  [{ num_inference_steps: 1, cache_interval: 2 }, [/^The cache_interval saves nothing/]],
  [{ scheduler: "lcm", cache_interval: 2 }, [/^The cache_interval spoils the picture with LCMScheduler/]],
])("%j: what has no effect, or another than it seems, is said", (fields, said) => {
  expect(warnings(fields)).toEqual(said.map((text) => expect.stringMatching(text)));
});

test("of both texts it is said what the text encoder could not take", () => {
  const cutTexts = { prompt: "on a mat", negativePrompt: "in the rain" };
  expect(warnings({}, { cutTexts })).toEqual([
    expect.stringMatching(/^The prompt .* left out: on a mat$/),
    expect.stringMatching(/^The negative_prompt .* left out: in the rain$/),
  ]);
});

const control = (fields: object) => ({ image: "AAAA", preprocessor: "none", ...fields });

test("a ControlNet whose window no step meets is named, and one that acts is not", async () => {
  const pictures = {
    "/controlnets/0/image": await readRgb("embedded/inputs/purple-sphere-and-orange-cube-depth.png"),
    "/controlnets/1/image": await readRgb("embedded/inputs/purple-sphere-and-orange-cube-canny.png"),
  };
  const controlnets = [control({ type: "depth" }), control({ type: "canny", control_guidance_start: 0.95 })];
  expect(warnings({ controlnets }, { pictures })).toEqual([
    expect.stringMatching(/^controlnets\[1\] \(canny\) has no effect: no step of 10 .*_start 0.95 and .*_end 1$/),
  ]);
});

test("a ControlNet of no strength is named once, whatever its picture and its window are", async () => {
  const pictures = { "/controlnets/0/image": await readRgb("images/astronaut.png") };
  for (const window of [{}, { control_guidance_start: 0.95 }]) {
    const controlnets = [control({ type: "canny", conditioning_scale: 0, ...window })];
    expect(warnings({ controlnets }, { pictures })).toEqual([
      "controlnets[0] (canny) has no effect: conditioning_scale is 0",
    ]);
  }
});

const PHOTO = "images/astronaut.png";
const CANNY = "preprocess/canny/astronaut-100-200.png";
const DEPTH = "components/dpt-random-depth.png";

/** The embedded nets under other types. */
const renamed = (type: string) => readServed({ modelsDir, adapters: { controlnet: [`${type}=controlnet-canny`] } });

test.each([
  ["canny", PHOTO, true],
  ["canny", CANNY, false],
  ["depth", PHOTO, true],
  ["depth", DEPTH, false],
  ["seg", PHOTO, true],
  ["sparkles", PHOTO, true],
  ["sparkles", CANNY, false],
  ["sparkles", DEPTH, false],
  ["tile", PHOTO, false],
])("%s that takes %s as it is for a control image warns: %s", async (type, file, warns) => {
  const pictures = { "/controlnets/0/image": await readRgb(file) };
  const controlnets = [control({ type })];
  const found = warnings({ controlnets, width: 64, height: 64 }, { pictures, from: renamed(type) });
  expect(found).toEqual(warns ? [expect.stringMatching(/^controlnets\[0\] \(.*looks like a photograph/)] : []);
});

test("a photograph for a net of which nothing is known warns without a preprocessor of the request, too", async () => {
  const pictures = { "/controlnets/0/image": await readRgb(PHOTO) };
  const fields = { controlnets: [{ type: "sparkles", image: "AAAA" }] };
  expect(warnings(fields, { pictures, from: renamed("sparkles") })).toEqual([expect.stringContaining("(sparkles)")]);
});

test("a picture's own size that is not kept is named with what it was made", () => {
  const picture = (width: number, height: number) => ({ "/image": { data: new Uint8Array(), width, height } });
  expect(warnings({ image: "AAAA" }, { pictures: picture(325, 204) })).toEqual([]);
  expect(warnings({ image: "AAAA" }, { pictures: picture(3000, 3000) })).toEqual([
    expect.stringMatching(/^The size of \/image, 3000x3000, was not kept but made 1000x1000/),
  ]);
  expect(warnings({ image: "AAAA", width: 64, height: 64 }, { pictures: picture(3000, 3000) })).toEqual([]);
});
