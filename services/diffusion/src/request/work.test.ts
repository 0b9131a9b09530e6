import { generateRequest } from "@armature/contract";
import { expect, test } from "vitest";
import { estimatedWork, type WorkInputs } from "./work.js";

const limits = { maxPixels: 1e6, maxSteps: 50, maxImages: 1, maxControlNets: 2, maxPromptLength: 100, maxWork: 1e9 };

/** Evaluations that a request of ten is reckoned as. */
function work(fields: Record<string, unknown> = {}, inputs: Partial<WorkInputs> = {}): number {
  const request = generateRequest(limits).parse({ prompt: "a cat", ...fields });
  return estimatedWork(request, { evaluations: 10, guidanceScale: 7.5, precision: "float32", pixels: 1, ...inputs });
}

const net = (more: object = {}) => ({ type: "depth", image: "AAAA", ...more });

test("a plain request is its pixels times its evaluations, half without guidance", () => {
  expect(work({}, { pixels: 64 * 64 })).toBe(10 * 64 * 64);
  expect(work({}, { guidanceScale: 1 })).toBe(5);
  expect(work({ guidance_interval: [0.2, 0.7] })).toBe(7.5);
});

test("a ControlNet adds a third where it is active, and nothing to a cached evaluation", () => {
  expect(work({ controlnets: [net(), net()] })).toBeCloseTo(16.6);
  expect(work({ controlnets: [net({ control_guidance_end: 0.5 })] })).toBeCloseTo(11.65);
  expect(work({ cache_interval: 3 })).toBeCloseTo(4 + 6 * 0.08);
  expect(work({ cache_interval: 3, controlnets: [net()] })).toBeCloseTo(4 * 1.33 + 6 * 0.08);
});

test("8 bits take less, and so do fewer tokens", () => {
  expect(work({}, { precision: "int8" })).toBe(6);
  expect(work({ token_downsampling: 2 })).toBeCloseTo(8);
  expect(work({ token_downsampling: 1 })).toBe(10);
});
