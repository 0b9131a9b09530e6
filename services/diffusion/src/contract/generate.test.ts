import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type GenerateLimits, workIssue } from "../features/limits.js";
import { imageCount, MAX_SEED } from "../features/seeds.js";
import { generateRequest } from "./generate.js";

const LIMITS: GenerateLimits = {
  maxPixels: 1024 * 1024,
  maxSteps: 100,
  maxImages: 4,
  maxControlNets: 2,
  maxPromptLength: 50,
  maxWork: 512 * 512 * 100,
};
const schema = generateRequest(LIMITS);
const DEPTH = { type: "depth", image: "AAAA" };

/** JSON pointers of the fields that are at fault, and the messages. */
function faults(request: unknown, limits = LIMITS): Record<string, string> {
  const result = generateRequest(limits).safeParse(request);
  if (result.success) return {};
  return Object.fromEntries(
    result.error.issues.flatMap((issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => [["", ...issue.path, key].join("/"), "unknown"])
        : [[["", ...issue.path].join("/"), issue.message]],
    ),
  );
}
const fields = (request: unknown, limits = LIMITS) => Object.keys(faults(request, limits));

test("a prompt is enough; what the service decides stays open, the rest is as in diffusers", () => {
  expect(schema.parse({ prompt: "a cat" })).toEqual({
    prompt: "a cat",
    negative_prompt: "",
    guidance_rescale: 0,
    guidance_interval: [0, 1],
    cache_interval: 1,
    token_downsampling: 1,
    eta: 0,
    controlnets: [],
    output: { format: "png" },
  });
});

test("a ControlNet's defaults are those of diffusers", () => {
  expect(schema.parse({ prompt: "", controlnets: [DEPTH] }).controlnets).toEqual([
    {
      ...DEPTH,
      preprocessor_options: {},
      conditioning_scale: 1,
      control_guidance_start: 0,
      control_guidance_end: 1,
      guess_mode: false,
    },
  ]);
});

test("a request that gives everything comes through unchanged", () => {
  const request = {
    model: "Lykon/DreamShaper",
    prompt: "a cat",
    negative_prompt: "a dog",
    width: 512,
    height: 256,
    num_inference_steps: 20,
    guidance_scale: 0,
    guidance_rescale: 0.7,
    guidance_interval: [0.1, 0.8],
    cache_interval: 3,
    token_downsampling: 2,
    precision: "int8",
    seed: [0, MAX_SEED],
    scheduler: {
      name: "DPMSolverMultistepScheduler",
      use_karras_sigmas: true,
      solver_order: 2,
      trained_betas: null,
      sigmas: [14.6, 0],
    },
    eta: 1,
    num_images_per_prompt: 2,
    clip_skip: 2,
    image: "AAAA",
    strength: 0.3,
    controlnets: [
      {
        ...DEPTH,
        preprocessor: "depth_leres++",
        preprocessor_options: { low_threshold: 100 },
        conditioning_scale: 0.5,
        control_guidance_start: 0.1,
        control_guidance_end: 0.9,
        guess_mode: true,
      },
    ],
    output: { format: "jpeg", quality: 80 },
  };
  expect(schema.parse(request)).toEqual(request);
});

describe("one wrong field is refused and named", () => {
  test.each([
    ["/prompt", {}],
    ["/prompt", { prompt: ["a", "b"] }],
    ["/prompt", { prompt: "x".repeat(51) }],
    ["/negative_prompt", { negative_prompt: "x".repeat(51) }],
    ["/width", { width: 500 }],
    ["/width", { width: 56 }],
    ["/width", { width: "512" }],
    ["/width", { width: 512.5 }],
    ["/height", { height: 16_392 }],
    ["/height", { height: -512 }],
    ["/num_inference_steps", { num_inference_steps: 0 }],
    ["/num_inference_steps", { num_inference_steps: 101 }],
    ["/num_inference_steps", { num_inference_steps: 2.5 }],
    ["/guidance_scale", { guidance_scale: Number.NaN }],
    ["/guidance_scale", { guidance_scale: Number.POSITIVE_INFINITY }],
    ["/guidance_scale", { guidance_scale: -1 }],
    ["/guidance_interval/1", { guidance_interval: [0, 1.1] }],
    ["/guidance_interval", { guidance_interval: [0.5] }],
    ["/guidance_interval", { guidance_interval: [0.8, 0.1] }],
    ["/guidance_interval", { guidance_interval: [0.5, 0.5] }],
    ["/cache_interval", { cache_interval: 0 }],
    ["/cache_interval", { cache_interval: 1.5 }],
    ["/cache_interval", { cache_interval: 101 }],
    ["/token_downsampling", { token_downsampling: 0 }],
    ["/token_downsampling", { token_downsampling: 5 }],
    ["/precision", { precision: "float16" }],
    ["/seed", { seed: -2 }],
    ["/seed", { seed: 1.5 }],
    ["/seed", { seed: MAX_SEED + 1 }],
    ["/seed", { seed: "1" }],
    ["/seed", { seed: [] }],
    ["/seed/1", { seed: [1, -1] }],
    ["/seed", { seed: [1, 2], num_images_per_prompt: 3 }],
    ["/seed", { seed: [1, 2, 3, 4, 5] }],
    ["/seed", { seed: MAX_SEED, num_images_per_prompt: 2 }],
    ["/num_images_per_prompt", { num_images_per_prompt: 0 }],
    ["/num_images_per_prompt", { num_images_per_prompt: 5 }],
    ["/eta", { eta: 1.1 }],
    ["/clip_skip", { clip_skip: -1 }],
    ["/scheduler", { scheduler: 1 }],
    ["/scheduler", { scheduler: "../euler" }],
    ["/scheduler", { scheduler: { use_karras_sigmas: true } }],
    ["/scheduler", { scheduler: { name: "euler", betas: { nested: 1 } } }],
    ["/scheduler/a key", { scheduler: { name: "euler", "a key": 1 } }],
    ["/scheduler", { scheduler: { name: "euler", beta_end: Number.NaN } }],
    ["/model", { model: "../secrets" }],
    ["/model", { model: "__proto__" }],
    ["/model", { model: "a//b" }],
    ["/model", { model: "/etc" }],
    ["/model", { model: "a\u0000b" }],
    ["/model", { model: "a/.." }],
    ["/model", { model: "C:\\models" }],
    ["/model", { model: "" }],
    ["/controlnets", { controlnets: DEPTH }],
    ["/controlnets", { controlnets: [DEPTH, DEPTH, DEPTH] }],
    ["/controlnets/1/type", { controlnets: [DEPTH, { ...DEPTH, type: "__proto__" }] }],
    ["/controlnets/0/type", { controlnets: [{ ...DEPTH, type: "../x" }] }],
    ["/controlnets/0/type", { controlnets: [{ image: "AAAA" }] }],
    ["/controlnets/0/image", { controlnets: [{ type: "depth" }] }],
    ["/controlnets/0/image", { controlnets: [{ type: "depth", image: "" }] }],
    ["/controlnets/0/preprocessor", { controlnets: [{ ...DEPTH, preprocessor: "canny\u0000" }] }],
    ["/controlnets/0/preprocessor_options/a", { controlnets: [{ ...DEPTH, preprocessor_options: { a: {} } }] }],
    ["/controlnets/0/preprocessor_options/A", { controlnets: [{ ...DEPTH, preprocessor_options: { A: 1 } }] }],
    [
      "/controlnets/0/preprocessor_options",
      { controlnets: [{ ...DEPTH, preprocessor: "none", preprocessor_options: { a: 1 } }] },
    ],
    ["/controlnets/0/conditioning_scale", { controlnets: [{ ...DEPTH, conditioning_scale: -1 }] }],
    ["/controlnets/0/control_guidance_end", { controlnets: [{ ...DEPTH, control_guidance_end: 1.01 }] }],
    [
      "/controlnets/0/control_guidance_start",
      { controlnets: [{ ...DEPTH, control_guidance_start: 0.5, control_guidance_end: 0.5 }] },
    ],
    ["/controlnets/0/guess_mode", { controlnets: [{ ...DEPTH, guess_mode: "yes" }] }],
    ["/controlnets/0/weight", { controlnets: [{ ...DEPTH, weight: 1 }] }],
    ["/output/format", { output: { format: "gif" } }],
    ["/output/quality", { output: { format: "jpeg", quality: 0 } }],
    ["/output/quality", { output: { quality: 80 } }],
    ["/output/size", { output: { size: 1 } }],
    ["/guidance_scal", { guidance_scal: 7.5 }],
    ["/image", { image: "" }],
    ["/strength", { image: "AAAA", strength: 0 }],
    ["/strength", { image: "AAAA", strength: 1.01 }],
    ["/strength", { strength: 0.5 }],
    ["/mask_image", { mask_image: "AAAA" }],
  ])("%s of %j", (field, request) => {
    const prompt = field === "/prompt" ? {} : { prompt: "a cat" };
    expect(fields({ ...prompt, ...request })).toEqual([field]);
  });
});

test("a strength says what it wants: a picture, and some of the steps", () => {
  expect(faults({ prompt: "", strength: 0.5 })["/strength"]).toContain("wants a picture to start from in image");
  expect(faults({ prompt: "", image: "AAAA", strength: 0 })["/strength"]).toContain("wants more than 0");
});

test("the message says which names are wanted", () => {
  expect(faults({ prompt: "", model: "../x" })["/model"]).toContain("wants a model id such as tiny-sd");
  const unsafe = { prompt: "", controlnets: [{ ...DEPTH, type: "../x" }] };
  expect(faults(unsafe)["/controlnets/0/type"]).toContain("wants a type such as depth, or a folder");
});

test("the product of size, steps and images is limited, where each alone is not", () => {
  const request = { prompt: "", width: 512, height: 512, num_inference_steps: 50, num_images_per_prompt: 2 };
  expect(fields(request)).toEqual([]);
  expect(faults({ ...request, num_inference_steps: 51 })).toEqual({
    "/num_inference_steps":
      "wants pixels times steps times images to be at most 26214400, found 512x512 x 51 x 2 = 26738688; lower one of them",
  });
  expect(fields({ ...request, num_images_per_prompt: undefined, seed: [1, 2, 3] })).toEqual(["/num_inference_steps"]);
  expect(faults({ prompt: "", width: 2048, height: 1024 })).toEqual({
    "/width": "wants width times height to be at most 1048576, found 2048x1024 = 2097152",
  });
});

test("a service that filled in the model's defaults can ask again", () => {
  const request = { width: 512, height: 512, steps: 100, images: 2 };
  expect(workIssue(request, LIMITS)?.path).toEqual(["num_inference_steps"]);
  expect(workIssue({ ...request, steps: 50 }, LIMITS)).toBeUndefined();
  expect(workIssue({ ...request, width: undefined }, LIMITS)).toBeUndefined();
});

test("every limit is the factory's parameter", () => {
  const request = {
    prompt: "x".repeat(60),
    width: 1024,
    height: 2048,
    num_inference_steps: 200,
    num_images_per_prompt: 8,
    controlnets: [DEPTH, DEPTH, DEPTH],
  };
  const wide = { maxPixels: 4e6, maxSteps: 200, maxImages: 8, maxControlNets: 3, maxPromptLength: 60, maxWork: 1e10 };
  expect(fields(request, wide)).toEqual([]);
  expect(fields(request, { ...wide, maxPixels: 1024 * 1024 })).toEqual(["/width"]);
  expect(fields(request, { ...wide, maxSteps: 199 })).toEqual(["/num_inference_steps"]);
  expect(fields(request, { ...wide, maxImages: 7 })).toEqual(["/num_images_per_prompt"]);
  expect(fields(request, { ...wide, maxControlNets: 2 })).toEqual(["/controlnets"]);
  expect(fields(request, { ...wide, maxPromptLength: 59 })).toEqual(["/prompt"]);
  expect(fields(request, { ...wide, maxWork: 1024 * 2048 * 200 * 8 - 1 })).toEqual(["/num_inference_steps"]);
});

test("a list of seeds says how many images, unless the number is given", () => {
  expect(imageCount({ seed: [1, 2, 3] })).toBe(3);
  expect(imageCount({ seed: 7 })).toBe(1);
  expect(imageCount({ seed: -1, num_images_per_prompt: 2 })).toBe(2);
});

test("names from JSON cannot reach a prototype", () => {
  const hostile = JSON.parse('{"prompt": "", "scheduler": {"name": "euler", "__proto__": {"polluted": 1}}}');
  const { scheduler } = schema.parse(hostile);
  expect(Object.getPrototypeOf(scheduler)).toBe(Object.prototype);
  expect((scheduler as Record<string, unknown>).polluted).toBeUndefined();
});

test("the schema becomes JSON Schema in which every field has a description and unknown ones are closed out", () => {
  const json = z.toJSONSchema(schema, { io: "input" });
  expect(json).toMatchObject({ type: "object", required: ["prompt"], additionalProperties: false });
  const controlNet = nested(nested(json.properties, "controlnets"), "items");
  const described = [...Object.entries(json.properties ?? {}), ...Object.entries(nested(controlNet, "properties"))];
  expect(described).toHaveLength(21 + 8);
  for (const [field, property] of described) expect(property, field).toHaveProperty("description");
  expect(json.properties?.num_inference_steps).toMatchObject({ type: "integer", minimum: 1, maximum: 100 });
  expect(json.properties?.width).toMatchObject({ multipleOf: 8, minimum: 64, maximum: 16_384 });
});

/** A member of a JSON Schema that must be an object. */
function nested(parent: object | undefined, key: string): object {
  const value = (parent as Record<string, unknown> | undefined)?.[key];
  if (typeof value !== "object" || value === null) throw new Error(`The schema has no ${key}`);
  return value;
}
