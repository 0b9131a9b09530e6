import { expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { generateRequest } from "../contract/generate.js";
import { resolveRequest } from "../request/resolve.js";
import { readServed } from "../served/read-served.js";
import { requestWork } from "./work.js";

const limits = { maxPixels: 1e6, maxSteps: 50, maxImages: 2, maxControlNets: 2, maxPromptLength: 100, maxWork: 1e9 };
const service = {
  served: readServed({ modelsDir: EMBEDDED_MODELS }),
  ...{ limits, precision: "float32" as const, drawSeed: () => 0 },
};
const USUAL = {
  prompt: "a cat",
  width: 64,
  height: 64,
  num_inference_steps: 10,
  scheduler: "euler",
  guidance_scale: 7.5,
};

/** Evaluations of a picture of 64 x 64 that a request of ten is reckoned as. */
function work(fields: Record<string, unknown> = {}): number {
  const request = generateRequest(limits).parse({ ...USUAL, ...fields });
  return requestWork(resolveRequest(request, service)) / 64 ** 2;
}

const net = (more: object = {}) => ({ type: "depth", image: "AAAA", ...more });

test("a plain request is its pixels times its evaluations, half without guidance", () => {
  expect(work()).toBe(10);
  expect(work({ width: 128, num_images_per_prompt: 2 })).toBe(40);
  expect(work({ guidance_scale: 1 })).toBe(5);
  expect(work({ guidance_interval: [0.2, 0.7] })).toBe(7.5);
});

test("a ControlNet adds a third where it is active, and nothing to a cached evaluation", () => {
  expect(work({ controlnets: [net(), net()] })).toBeCloseTo(16.6);
  expect(work({ controlnets: [net({ control_guidance_end: 0.5 })] })).toBeCloseTo(11.65);
  expect(work({ controlnets: [net({ guess_mode: true })] })).toBeCloseTo(10 + 1.65); // of the conditional half
  expect(work({ cache_interval: 3 })).toBeCloseTo(4 + 6 * 0.08);
  expect(work({ cache_interval: 3, controlnets: [net()] })).toBeCloseTo(4 * 1.33 + 6 * 0.08);
});

test("8 bits take less, and so do fewer tokens", () => {
  expect(work({ precision: "int8" })).toBeCloseTo(6);
  expect(work({ token_downsampling: 2 })).toBeCloseTo(8);
  expect(work({ token_downsampling: 1 })).toBe(10);
});
