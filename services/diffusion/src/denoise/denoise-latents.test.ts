/** What a stage may do between the steps of the loop: with a network that predicts no noise at all. */
import { InvalidRequest } from "@armature/core";
import { Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { startScheduler } from "../schedulers/index.js";
import type { Level } from "../schedulers/prediction.js";
import { denoiseLatents } from "./denoise-latents.js";
import { planEvaluations } from "./evaluation-plan.js";
import type { UNet } from "./evaluator.js";

const SHAPE = [1, 4, 2, 2] as const;
const SIZE = 16;

const silent = {
  config: { levels: [{ channels: 4, transformerLayers: 0, heads: 1 }], layersPerLevel: 1 },
  projections: { run: async () => ({}), release: async () => {} },
  session: {
    run: async () => ({ noise: new Tensor("float32", new Float32Array(SIZE), SHAPE) }),
    release: async () => {},
  },
} as unknown as UNet;

/** Runs four steps of Euler's method from latents of ones; `settle` as a stage would have it. */
function run(settle?: (latents: Float32Array, level: Level) => Float32Array) {
  const scheduler = { name: "EulerDiscreteScheduler", prediction_type: "epsilon" };
  const latents = new Float32Array(SIZE).fill(1);
  const scheduled = startScheduler({
    scheduler,
    numInferenceSteps: 4,
    latents,
    noise: (n) => new Float32Array(n),
    eta: 0,
  });
  const request = { guidanceScale: 1, guidanceInterval: { start: 0, end: 1 }, cacheInterval: 1, adapters: [] };
  const seen: Float32Array[] = [];
  const inputs = {
    ...{ scheduler, scheduled, shape: SHAPE, picturesPerCall: 1, guidance: { scale: 1, rescale: 0 }, settle },
    ...{ evaluations: planEvaluations(request, 4), tokenDownsampling: 1 },
    embeds: { data: new Float32Array(2), texts: 1, length: 1, width: 2 },
  };
  const events = {
    checkpoint: async () => {},
    onStep: (step: { latents: Float32Array }) => void seen.push(step.latents),
  };
  return denoiseLatents({ unet: silent, shallow: undefined, adapters: [] }, inputs, events).then((end) => ({
    end,
    seen,
    scheduled,
  }));
}

test("a stage sees the latents after each step with the level of the next, and the loop goes on with what it gives", async () => {
  const levels: Level[] = [];
  const { end, seen, scheduled } = await run((latents, level) => {
    levels.push(level);
    return latents.map(() => levels.length);
  });
  expect(seen.map(([value]) => value)).toEqual([scheduled.start[0], 1, 2, 3]);
  expect(end).toEqual(new Float32Array(SIZE).fill(4));
  expect(levels.map(({ alpha }) => alpha)).toEqual([1, 1, 1, 1]);
  expect(levels.at(-1)).toEqual({ alpha: 1, sigma: 0 });
  for (const [i, { sigma }] of levels.slice(1).entries()) expect(sigma).toBeLessThan(levels[i]!.sigma);
});

test("without one the latents go on as they are", async () => {
  const { end, scheduled } = await run();
  for (const [i, value] of end.entries()) expect(value / scheduled.start[i]!).toBeCloseTo(1, 6); // there is no noise to take away
});

test.each([0, 3])(
  "latents that are not finite after step %i end the loop, and the scheduler is named",
  async (step) => {
    let settled = 0;
    const settle = (latents: Float32Array) =>
      settled++ === step ? latents.map(() => Number.POSITIVE_INFINITY) : latents;
    const error = await run(settle).catch((error) => error);
    expect(error).toBeInstanceOf(InvalidRequest);
    expect(error.message).toMatch(/^\/scheduler: EulerDiscreteScheduler made latents that are not finite: its options/);
    expect(settled).toBe(step + 1);
  },
);
