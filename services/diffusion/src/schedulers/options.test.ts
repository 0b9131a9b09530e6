/** What options do, where neither a golden nor the contract shows it. */
import { describe, expect, test } from "vitest";
import { resolveScheduler } from "../served/resolve-scheduler.js";
import { alphasCumprod } from "./alphas.js";
import { scheduleOf, startScheduler } from "./index.js";
import { combine, type Latents } from "./latents.js";
import { trainingSigmas } from "./sigmas.js";
import { runSampler } from "./testing/run-sampler.js";

const SD = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: "scaled_linear" };
const ALPHAS = alphasCumprod({
  numTrainTimesteps: 1000,
  betaStart: SD.beta_start,
  betaEnd: SD.beta_end,
  betaSchedule: "scaled_linear",
  trainedBetas: null,
});
const TRAIN_SIGMAS = trainingSigmas(ALPHAS);
const LATENTS = Float32Array.of(-1.5, -0.3, 0.2, 0.9);

const configure = (name: string, options: object) => resolveScheduler(undefined, { name, ...SD, ...options });
const sigmasOf = (name: string, options: object) => scheduleOf(configure(name, options), 5).sigmas!;

/** All samples of a run with a network that any sample and timestep make answer differently. */
function samplesOf(name: string, steps: number, options: object): Latents[] {
  const config = configure(name, options);
  const noise = () => LATENTS;
  const job = startScheduler({ scheduler: config, numInferenceSteps: steps, latents: LATENTS, noise, eta: 0 });
  const samples: Latents[] = [];
  const last = runSampler(job.run(), {
    answer({ modelInput, timestep, sample }) {
      samples.push(sample);
      return answer(modelInput, timestep);
    },
  });
  return [...samples, last];
}

const answer = (x: Latents, timestep: number) => x.map((value) => Math.sin(value + timestep / 300));

describe("noise levels", () => {
  const DPM = "DPMSolverMultistepScheduler";
  test.each(["EulerDiscreteScheduler", DPM, "UniPCMultistepScheduler"])("%s ends at zero or at sigma_min", (name) => {
    expect(sigmasOf(name, {}).at(-1)).toBe(0);
    expect(sigmasOf(name, { final_sigmas_type: "sigma_min" }).at(-1)).toBe(TRAIN_SIGMAS[0]);
  });

  test.each(["EulerDiscreteScheduler", DPM, "UniPCMultistepScheduler"])(
    "%s takes the ends of Karras' spacing",
    (name) => {
      const sigmas = sigmasOf(name, { use_karras_sigmas: true, sigma_min: 0.1, sigma_max: 10 });
      expect(sigmas[0]).toBeCloseTo(10, 5);
      expect(sigmas.at(-2)).toBeCloseTo(0.1, 5);
    },
  );

  test("with Karras sigmas that end at sigma_min UniPC repeats the last, the others take the model's least", () => {
    const options = { use_karras_sigmas: true, sigma_min: 0.1, final_sigmas_type: "sigma_min" };
    expect(sigmasOf("UniPCMultistepScheduler", options).at(-1)).toBeCloseTo(0.1, 5);
    expect(sigmasOf(DPM, options).at(-1)).toBe(TRAIN_SIGMAS[0]);
  });

  test("lambda_min_clipped leaves out the timesteps that are noisier", () => {
    const { timesteps } = scheduleOf(configure(DPM, { lambda_min_clipped: -1 }), 5);
    expect(-Math.log(TRAIN_SIGMAS[timesteps[0]!]!)).toBeGreaterThanOrEqual(-1);
    expect(-Math.log(TRAIN_SIGMAS[timesteps[0]! + 1]!)).toBeLessThan(-1);
  });
});

describe("the order of the last steps of DPM-Solver", () => {
  const name = "DPMSolverMultistepScheduler";
  const sameUpTo = (a: Latents[], b: Latents[]) => a.findIndex((sample, i) => sample.join() !== b[i]!.join());
  const options = { final_sigmas_type: "sigma_min", solver_order: 3 };

  test("is lower with fewer than 15 steps", () => {
    const compare = (steps: number) =>
      sameUpTo(samplesOf(name, steps, options), samplesOf(name, steps, { ...options, lower_order_final: false }));
    expect(compare(14)).toBe(13);
    expect(compare(15)).toBe(-1);
  });

  test("is 1 with euler_at_final", () => {
    const euler = samplesOf(name, 20, { ...options, euler_at_final: true });
    expect(sameUpTo(euler, samplesOf(name, 20, options))).toBe(20);
    const first = samplesOf(name, 20, { ...options, solver_order: 1 });
    expect(euler[20]).not.toEqual(first[20]);
  });
});

test("UniPC stays finite where its last step has no length", () => {
  const options = {
    use_karras_sigmas: true,
    final_sigmas_type: "sigma_min",
    lower_order_final: false,
    solver_order: 3,
  };
  const samples = samplesOf("UniPCMultistepScheduler", 20, options);
  expect(samples.at(-1)!.every(Number.isFinite)).toBe(true);
});

test("LCM's output is mixed with its input near timestep 0", () => {
  const run = (scaling: number) =>
    samplesOf("LCMScheduler", 1, { prediction_type: "sample", timestep_scaling: scaling })[1]!;
  expect(run(0)).toEqual(LATENTS);
  const half = combine(Math.SQRT1_2, answer(LATENTS, 999), 0.5, LATENTS); // c_out and c_skip at half of the data's deviation
  expect(Math.max(...combine(1, run(0.5 / 999), -1, half).map(Math.abs))).toBeLessThan(1e-6);
});

test("PNDM's trapezoidal step spans a stride, also where timesteps are further apart", () => {
  const options = { skip_prk_steps: true, timestep_spacing: "linspace" };
  const [first, second] = scheduleOf(configure("PNDMScheduler", options), 3).timesteps as [number, number];
  const [, after, result] = samplesOf("PNDMScheduler", 3, options) as [Latents, Latents, Latents];
  const output = combine(0.5, answer(LATENTS, first), 0.5, answer(after, second));

  const [from, to] = [ALPHAS[second + 333]!, ALPHAS[second]!]; // first is second + 499
  const carry = Math.sqrt(to / from);
  const wanted = combine(carry, LATENTS, Math.sqrt(1 - to) - carry * Math.sqrt(1 - from), output);
  expect(Math.max(...combine(1, result, -1, wanted).map(Math.abs))).toBeLessThan(1e-6);
});
