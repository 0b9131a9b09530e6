import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { TorchGenerator } from "@armature/core";
import { readTensors } from "@armature/weights";
import { describe, expect, test } from "vitest";
import { resolveScheduler } from "../served/resolve-scheduler.js";
import { beginAfter, SCHEDULERS, scheduleOf, startScheduler } from "./index.js";
import { SchedulerRefusal } from "./refusal.js";
import type { Evaluation, ScheduledRun, SchedulerConfig } from "./scheduler.js";
import { runSampler } from "./testing/run-sampler.js";

/** Recorded from diffusers: see fixtures/schedulers. Tolerances are shares of the largest value of a tensor. */
const FOLDER = fileURLToPath(new URL("../../../../fixtures/schedulers/", import.meta.url));

/** Tables in float32 on both sides; diffusers with float64 tables differs from itself by 1.3e-5. */
const SIGMAS_RTOL = 2e-5;
/** Karras timesteps of Euler go through a logarithm of a float32: absolute. */
const FRACTIONAL_TIMESTEP_ATOL = 1e-2;
/** Rounding grows through a trajectory: diffusers in float64 differs from itself by 3e-5. */
const TRAJECTORY_RTOL = 1e-4;
/** Clipping makes the trajectory jump: diffusers in float64 differs from itself by 8e-4. */
const CLIPPED_TRAJECTORY_RTOL = 1e-2;
/** One sum of two products. */
const ADD_NOISE_RTOL = 1e-6;

interface Fixture {
  scheduler: string;
  /** Evaluations per step. */
  order: number;
  config: Record<string, unknown>;
  step_kwargs: { eta?: number };
  generator_seed: number;
  runs: { key: string; num_inference_steps: number; init_noise_sigma?: number; strength?: number }[];
}

const inputs = readTensors(`${FOLDER}_inputs.safetensors`);
const noiseInput = inputs.get("noise")!.data as Float32Array;
const imageInput = inputs.get("x0")!.data as Float32Array;

/** In place of the network, whatever the prediction type. */
const standIn = ({ modelInput, timestep }: Evaluation) => modelInput.map((x) => Math.sin(3 * x + timestep / 300));

/** Calls `see` with each evaluation and the sample after its step. */
function drive(job: ScheduledRun, see: (evaluation: Evaluation, after: Float32Array) => void): void {
  let evaluation: Evaluation;
  runSampler(job.run(), {
    answer: (asked) => {
      evaluation = asked;
      return standIn(asked);
    },
    settle: (after) => {
      see(evaluation, after);
      return after;
    },
  });
}

function distance(found: ArrayLike<number>, wanted: ArrayLike<number>): { absolute: number; relative: number } {
  expect(found.length).toBe(wanted.length);
  let absolute = 0;
  let most = 0;
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(found[i]! - wanted[i]!);
    absolute = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(absolute, difference);
    most = Math.max(most, Math.abs(wanted[i]!));
  }
  return { absolute, relative: absolute / most };
}

const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".json") && !file.startsWith("_"))
  .map((file) => file.replace(".json", ""));

test("there are goldens for each scheduler of the table", () => {
  const covered = names.map((name) => (JSON.parse(readFileSync(`${FOLDER}${name}.json`, "utf8")) as Fixture).scheduler);
  expect([...new Set(covered)].sort()).toEqual(SCHEDULERS.map(({ className }) => className).sort());
});

describe.each(names)("%s equals diffusers", (name) => {
  const fixture = JSON.parse(readFileSync(`${FOLDER}${name}.json`, "utf8")) as Fixture;
  const goldens = readTensors(`${FOLDER}${name}.safetensors`);
  const config: SchedulerConfig = resolveScheduler(undefined, { name: fixture.scheduler, ...fixture.config });
  const tolerance = name === "ddim-clip" ? CLIPPED_TRAJECTORY_RTOL : TRAJECTORY_RTOL;

  function start(run: Fixture["runs"][number]): ScheduledRun {
    const generator = new TorchGenerator(fixture.generator_seed);
    const { num_inference_steps: numInferenceSteps, strength } = run;
    const skipped = strength === undefined ? 0 : numInferenceSteps - Math.floor(numInferenceSteps * strength);
    const begin = beginAfter(skipped, scheduleOf(config, numInferenceSteps));
    return startScheduler({
      scheduler: config,
      numInferenceSteps,
      latents: noiseInput,
      noise: (count) => generator.randn(count),
      eta: fixture.step_kwargs.eta ?? 0,
      ...(strength !== undefined && { image: { latents: imageInput, begin } }),
    });
  }

  test.each(fixture.runs.map((run) => [run.key, run] as const))("%s: timesteps and noise levels", (key, run) => {
    const schedule = scheduleOf(config, run.num_inference_steps);
    const timesteps = goldens.get(`${key}.timesteps`)!;
    const wanted = Array.from(timesteps.data, Number);
    if (timesteps.dtype === "I64") expect(start(run).timesteps).toEqual(wanted);
    else expect(distance(start(run).timesteps, wanted).absolute).toBeLessThanOrEqual(FRACTIONAL_TIMESTEP_ATOL);
    expect(start(run).evaluations).toBe(wanted.length);
    expect(schedule.order ?? 1).toBe(fixture.order);

    if (run.init_noise_sigma !== undefined) expect(schedule.initNoiseSigma / run.init_noise_sigma).toBeCloseTo(1, 5);
    const sigmas = goldens.get(`${key}.sigmas`);
    if (!sigmas) return;
    expect(distance(schedule.sigmas!, sigmas.data as Float32Array).relative).toBeLessThanOrEqual(SIGMAS_RTOL);
  });

  test.each(fixture.runs.map((run) => [run.key, run] as const))("%s: every step of the trajectory", (key, run) => {
    const scaledInputs = goldens.get(`${key}.scaled_input`)!.data as Float32Array;
    const samples = goldens.get(`${key}.samples`)!.data as Float32Array;
    const job = start(run);
    const noisy = goldens.get(`${key}.noisy`);
    if (noisy) expect(distance(job.start, noisy.data as Float32Array).relative).toBeLessThanOrEqual(ADD_NOISE_RTOL);

    const seen: number[] = [];
    drive(job, ({ modelInput, step }, after) => {
      const at = (steps: Float32Array) => steps.subarray(step * after.length, (step + 1) * after.length);
      expect(distance(modelInput, at(scaledInputs)).relative, `step ${step} input`).toBeLessThanOrEqual(tolerance);
      expect(distance(after, at(samples)).relative, `step ${step} sample`).toBeLessThanOrEqual(tolerance);
      seen.push(step);
    });
    expect(seen).toHaveLength(samples.length / noiseInput.length);
  });

  test("a run leaves no trace in the next one", () => {
    const [run] = fixture.runs.slice(1);
    const results = [start(run!), start(run!)].map((job) => {
      let last = job.start;
      drive(job, (_, after) => {
        last = after;
      });
      return last;
    });
    expect(results[0]).toEqual(results[1]);
  });
});

describe("a schedule that cannot be made is refused", () => {
  const config = (name: string, options: object = {}) => resolveScheduler(undefined, { name, ...options });
  test.each([
    ["DDIMScheduler", 0, {}],
    ["DDIMScheduler", 1001, {}],
    ["DDIMScheduler", 2.5, {}],
    ["DDIMScheduler", 1000, { steps_offset: 1 }],
    ["DPMSolverMultistepScheduler", 1000, {}],
    ["LCMScheduler", 51, {}],
    ["PNDMScheduler", 3, { skip_prk_steps: false }],
  ])("%s with %d steps and %j", (name, steps, options) => {
    const plan = () => scheduleOf(config(name, options), steps);
    expect(plan).toThrow(SchedulerRefusal);
    expect(plan).toThrow(expect.objectContaining({ option: undefined, message: expect.stringContaining("steps") }));
  });

  test("an image cannot be started from amid PNDM's Runge-Kutta steps", () => {
    const image = { latents: imageInput, begin: 4 };
    const scheduler = config("PNDMScheduler");
    const options = { scheduler, numInferenceSteps: 10, latents: noiseInput, eta: 0, image };
    expect(() =>
      startScheduler({ ...options, noise: () => noiseInput })
        .run()
        .next(),
    ).toThrow(expect.objectContaining({ option: "skip_prk_steps", message: expect.stringContaining("must be true") }));
  });
});
