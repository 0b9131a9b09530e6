import { expect, test } from "vitest";
import { generateEvents } from "./events.js";
import { generateRequest, generateResponse } from "./generate.js";

const LIMITS = { maxPixels: 1e6, maxSteps: 50, maxImages: 1, maxControlNets: 1, maxPromptLength: 100, maxWork: 1e9 };
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
  computed: { device: "cpu", prepared: ["tiny-sd unet"] },
  warnings: [],
  timings: { queue_ms: 0.5, preprocess_ms: 1, load_ms: 0, inference_ms: 2, total_ms: 4 },
};

test("an answer keeps the schema, and a number that is none breaks it", () => {
  const schema = generateResponse(LIMITS);
  expect(schema.parse(RESPONSE)).toEqual(RESPONSE);
  const broken = { ...RESPONSE, timings: { ...RESPONSE.timings, total_ms: Number.NaN } };
  expect(schema.safeParse(broken).error?.issues[0]?.path).toEqual(["timings", "total_ms"]);
  expect(schema.safeParse({ ...RESPONSE, secret: 1 }).success).toBe(false);
});

test("the parameters of an answer are a request, once the pictures are put back", () => {
  const again = { ...PARAMETERS, controlnets: PARAMETERS.controlnets.map((net) => ({ ...net, image: "AAAA" })) };
  expect(generateRequest(LIMITS).parse(again)).toEqual(again);
});

test("each event's data keeps its schema", () => {
  const events = generateEvents(LIMITS);
  const progress = { step: 3, steps: 20, percent: 15, eta_ms: 1700 };
  expect(events.progress.parse(progress)).toEqual(progress);
  expect(events.queued.parse({ position: 2 })).toEqual({ position: 2 });
  expect(events.completed.parse(RESPONSE)).toEqual(RESPONSE);
  const failed = {
    type: "/docs#unsupported-image",
    title: "Unsupported image",
    status: 422,
    code: "unsupported-image",
  };
  expect(events.failed.parse(failed)).toEqual(failed);
  expect(events.progress.safeParse({ ...progress, steps: 0 }).success).toBe(false);
});
