import { expect, test } from "vitest";
import { z } from "zod";
import { generateEvents } from "./events.js";
import { generateRequest, generateResponse } from "./generate.js";
import { controlNetsResponse, modelsResponse } from "./models.js";
import { imageRequest, processorId, processorsResponse } from "./processors.js";

const PARAMETERS = {
  model: "tiny-sd",
  prompt: "a cat",
  negative_prompt: "",
  width: 128,
  height: 64,
  num_inference_steps: 20,
  guidance_scale: 7.5,
  guidance_rescale: 0,
  guidance_interval: [0, 1],
  cache_interval: 1,
  token_downsampling: 1,
  precision: "float32",
  seed: [5],
  scheduler: { name: "EulerDiscreteScheduler", use_karras_sigmas: true },
  eta: 0,
  num_images_per_prompt: 1,
  controlnets: [
    {
      type: "depth",
      preprocessor: "depth_midas",
      preprocessor_options: {},
      conditioning_scale: 1,
      control_guidance_start: 0,
      control_guidance_end: 1,
      guess_mode: false,
    },
  ],
  output: { format: "png" },
};
const RESPONSE = {
  id: "r1",
  images: [{ image: "AAAA", seed: 5, width: 128, height: 64, format: "png" }],
  control_images: [
    { type: "depth", preprocessor: "depth_midas", image: "AAAA", width: 128, height: 64, format: "png" },
  ],
  parameters: PARAMETERS,
  warnings: [],
  timings: { queue_ms: 0.5, preprocess_ms: 1, load_ms: 0, inference_ms: 2, total_ms: 4 },
};

test("an answer keeps the schema, and a number that is none breaks it", () => {
  expect(generateResponse.parse(RESPONSE)).toEqual(RESPONSE);
  const broken = { ...RESPONSE, timings: { ...RESPONSE.timings, total_ms: Number.NaN } };
  expect(generateResponse.safeParse(broken).error?.issues[0]?.path).toEqual(["timings", "total_ms"]);
  expect(generateResponse.safeParse({ ...RESPONSE, secret: 1 }).success).toBe(false);
});

test("the parameters of an answer are a request, once the pictures are put back", () => {
  const limits = { maxPixels: 1e6, maxSteps: 50, maxImages: 1, maxControlNets: 1, maxPromptLength: 100, maxWork: 1e9 };
  const again = { ...PARAMETERS, controlnets: PARAMETERS.controlnets.map((net) => ({ ...net, image: "AAAA" })) };
  expect(generateRequest(limits).parse(again)).toEqual(again);
});

test("each event's data keeps its schema", () => {
  const progress = { step: 3, steps: 20, percent: 15, eta_ms: 1700 };
  expect(generateEvents.progress.parse(progress)).toEqual(progress);
  expect(generateEvents.queued.parse({ position: 2 })).toEqual({ position: 2 });
  expect(generateEvents.completed.parse(RESPONSE)).toEqual(RESPONSE);
  const failed = {
    type: "/docs#unsupported-image",
    title: "Unsupported image",
    status: 422,
    code: "unsupported-image",
  };
  expect(generateEvents.failed.parse(failed)).toEqual(failed);
  expect(generateEvents.progress.safeParse({ ...progress, steps: 0 }).success).toBe(false);
});

test("the lists keep their schemas", () => {
  const model = {
    id: "tiny-sd",
    default: true,
    prediction_type: "epsilon",
    scheduler: "PNDMScheduler",
    width: 128,
    height: 128,
    num_inference_steps: 20,
    guidance_scale: 5,
    loaded: false,
    bytes: 30_000_000,
  };
  const check = { check: "convolution", type: "float16", passed: true, error: 0.01, limit: 0.04, ms: 12 };
  const rejected = [{ form: "fused attention", reason: "off by 0.35" }];
  const device = { name: "webgpu", profile: "float16, unfused attention", checks: [check], rejected };
  expect(modelsResponse.parse({ device, models: [model] })).toEqual({ device, models: [model] });
  expect(modelsResponse.safeParse({ device, models: [{ ...model, bytes: -1 }] }).success).toBe(false);
  expect(modelsResponse.safeParse({ device: { ...device, name: "gpu" }, models: [model] }).success).toBe(false);
  const net = { type: "depth", model: "controlnet-depth", preprocessor: "depth_midas", loaded: true, bytes: 1 };
  expect(controlNetsResponse.parse({ controlnets: [net] })).toEqual({ controlnets: [net] });
  const options = z.toJSONSchema(z.strictObject({ low_threshold: z.int().min(0).max(255).default(100) }));
  const processors = [{ id: "canny", description: "Edges", options }];
  expect(processorsResponse.parse({ device, processors })).toEqual({ device, processors });
  expect(processorsResponse.safeParse({ processors }).success).toBe(false);
});

test.each(["__proto__", "../x", "a/b", "a\u0000", "", ".", "-x", "a".repeat(65)])("%j is no processor's name", (id) => {
  expect(processorId.safeParse(id).success).toBe(false);
});

test.each(["canny", "depth_leres++", "softedge_hed", "lineart-anime"])("%s is a processor's name", (id) => {
  expect(processorId.parse(id)).toBe(id);
});

test("a picture in JSON has one field", () => {
  expect(imageRequest.parse({ image: "AAAA" })).toEqual({ image: "AAAA" });
  expect(imageRequest.safeParse({ image: "AAAA", low_threshold: 1 }).success).toBe(false);
  expect(imageRequest.safeParse({ image: "" }).success).toBe(false);
});
