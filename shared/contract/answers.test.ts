import { expect, test } from "vitest";
import { z } from "zod";
import { controlNetsResponse, modelsResponse } from "./models.js";
import { name } from "./names.js";
import { imageRequest, processorsResponse } from "./processors.js";

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
  const left_out = [{ id: "broken", reason: "tokenizer/merges.txt: cannot be opened (ENOENT)" }];
  const models = { device, models: [model], left_out };
  expect(modelsResponse.parse(models)).toEqual(models);
  expect(modelsResponse.safeParse({ ...models, models: [{ ...model, bytes: -1 }] }).success).toBe(false);
  expect(modelsResponse.safeParse({ ...models, device: { ...device, name: "gpu" } }).success).toBe(false);
  const net = {
    ...{ type: "depth", model: "controlnet-depth", for_models: ["tiny-sd"] },
    ...{ preprocessor: "depth_midas", loaded: true, bytes: 1 },
  };
  expect(controlNetsResponse.parse({ controlnets: [net], left_out })).toEqual({ controlnets: [net], left_out });
  const options = z.toJSONSchema(z.strictObject({ low_threshold: z.int().min(0).max(255).default(100) }));
  const processors = [{ id: "canny", description: "Edges", options }];
  expect(processorsResponse.parse({ device, processors, left_out })).toEqual({ device, processors, left_out });
  expect(processorsResponse.safeParse({ processors }).success).toBe(false);
});

test.each(["__proto__", "../x", "a/b", "a\u0000", "", ".", "-x", "a".repeat(65)])("%j is no processor's name", (id) => {
  expect(name.safeParse(id).success).toBe(false);
});

test.each(["canny", "depth_leres++", "softedge_hed", "lineart-anime"])("%s is a processor's name", (id) => {
  expect(name.parse(id)).toBe(id);
});

test("a picture in JSON has one field", () => {
  expect(imageRequest.parse({ image: "AAAA" })).toEqual({ image: "AAAA" });
  expect(imageRequest.safeParse({ image: "AAAA", low_threshold: 1 }).success).toBe(false);
  expect(imageRequest.safeParse({ image: "" }).success).toBe(false);
});
