/** PNDM: Liu et al. 2022, arXiv:2202.09778. Without its Runge-Kutta steps it is known as PLMS. */
import { TRAINING } from "./alphas.js";
import { combine, type Latents } from "./latents.js";
import { type ConfigOf, flag, oneOf } from "./options.js";
import { alphaAt, plannedSchedule, type TrainingPlan, trainingPlan } from "./planned.js";
import { levelOfAlphaCumprod, toNoise } from "./prediction.js";
import { SchedulerRefusal } from "./refusal.js";
import { defineScheduler, type Evaluation, type Run, type Sampler, type Settle } from "./scheduler.js";
import { spacingOptions, wholeTimesteps } from "./timesteps.js";

const OPTIONS = {
  ...TRAINING,
  ...spacingOptions("leading"),
  predictionType: oneOf("epsilon", ["epsilon", "v_prediction"] as const),
  /** Starts with a trapezoidal step instead of three Runge-Kutta steps of four evaluations each. */
  skipPrkSteps: flag(false),
  setAlphaToOne: flag(false),
};

export const pndm = defineScheduler({
  className: "PNDMScheduler",
  shortNames: { pndm: {}, plms: { skip_prk_steps: true } },
  options: OPTIONS,
  schedule(c, numInferenceSteps) {
    const steps = wholeTimesteps(c, numInferenceSteps);
    const stride = Math.floor(c.numTrainTimesteps / numInferenceSteps);
    if (!c.skipPrkSteps) requireRungeKuttaSteps(steps);
    const timesteps = c.skipPrkSteps ? repeatSecond(steps) : [...rungeKuttaTimesteps(steps, stride), ...steps.slice(3)];
    return plannedSchedule(c, trainingPlan(c, timesteps, numInferenceSteps), sample);
  },
});

type Plan = ConfigOf<typeof OPTIONS> & TrainingPlan;

function sample(plan: Plan, run: Run): Sampler {
  if (plan.skipPrkSteps) return trapezoidThenMultistep(plan, run);
  if (run.begin) {
    const detail = "must be true to start from an image: Runge-Kutta steps can only be taken from the first timestep";
    throw new SchedulerRefusal(detail, "skip_prk_steps");
  }
  return rungeKuttaThenMultistep(plan, run);
}

/** Evaluation `i` of the plan, in a run that began at `begin`. */
const evaluation = (c: Plan, x: Latents, i: number, begin: number): Evaluation => ({
  sample: x,
  level: c.levels[i]!,
  modelInput: x,
  timestep: c.timesteps[i]!,
  step: i - begin,
});

/** What evaluation `i` led to. */
const outcome = (c: Plan, x: Latents, i: number): Settle => ({ settle: x, level: c.levels[i + 1]! });

/** The first step is taken twice: the second time with the mean of the outputs at its two ends. */
function* trapezoidThenMultistep(c: Plan, { latents, begin = 0 }: Run): Sampler {
  const [first, second] = c.timesteps.slice(begin);
  const start = yield evaluation(c, latents, begin, begin);
  let x = yield outcome(c, transfer(c, latents, start, first!, first! - c.stride), begin);
  if (second === undefined) return x;

  const end = yield evaluation(c, x, begin + 1, begin);
  const mean = combine(0.5, end, 0.5, start);
  x = yield outcome(c, transfer(c, latents, mean, second + c.stride, second), begin + 1);
  return yield* multistep(c, x, [start], { next: begin + 2, begin });
}

/** The Runge-Kutta start, three times: the classical method of order 4, with `transfer` for each straight step. */
function* rungeKuttaThenMultistep(c: Plan, { latents }: Run): Sampler {
  const outputs: Latents[] = [];
  let x = latents;
  for (let i = 0; i < 12; i += 4) {
    const [t, middle, , end] = c.timesteps.slice(i, i + 4) as [number, number, number, number];
    const half = Math.floor(c.stride / 2);
    const e1 = yield evaluation(c, x, i, 0);
    const x1 = yield outcome(c, transfer(c, x, e1, t, t - half), i);
    const e2 = yield evaluation(c, x1, i + 1, 0);
    const x2 = yield outcome(c, transfer(c, x, e2, t, middle), i + 1);
    const e3 = yield evaluation(c, x2, i + 2, 0);
    const x3 = yield outcome(c, transfer(c, x, e3, t, middle - half), i + 2);
    const e4 = yield evaluation(c, x3, i + 3, 0);
    x = yield outcome(c, transfer(c, x, combine(1 / 6, e1, 1 / 3, e2, 1 / 3, e3, 1 / 6, e4), t, end), i + 3);
    outputs.push(e1);
  }
  return yield* multistep(c, x, outputs, { next: 12, begin: 0 });
}

/** Adams-Bashforth coefficients of orders 2 to 4 of the multistep method, newest output first. */
const ADAMS_BASHFORTH = [
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/** Goes on from evaluation `next` of the plan; `outputs` are those before it, oldest first. */
function* multistep(
  c: Plan,
  start: Latents,
  outputs: Latents[],
  { next, begin }: { next: number; begin: number },
): Sampler {
  let x = start;
  let known = [...outputs].reverse();
  for (let i = next; i < c.timesteps.length; i++) {
    const timestep = c.timesteps[i]!;
    known = [yield evaluation(c, x, i, begin), ...known].slice(0, 4);
    const weights = ADAMS_BASHFORTH[known.length - 2]!;
    const output = combine(...known.flatMap((value, k) => [weights[k]!, value]));
    x = yield outcome(c, transfer(c, x, output, timestep, timestep - c.stride), i);
  }
  return x;
}

/** The transfer part, equation 11: from timestep t to another one, straight along an output (noise or v). */
function transfer(c: Plan, x: Latents, output: Latents, t: number, next: number): Latents {
  const from = levelOfAlphaCumprod(alphaAt(c, t));
  const to = levelOfAlphaCumprod(alphaAt(c, next));
  const noise = toNoise({ type: c.predictionType, output, x, ...from });
  return combine(to.alpha / from.alpha, x, to.sigma - (to.alpha / from.alpha) * from.sigma, noise);
}

/** The second timestep ends the trapezoidal step and starts the next one. */
const repeatSecond = (steps: number[]): number[] => [...steps.slice(0, 2), ...steps.slice(1)];

/** For each of the first three steps: its start, twice its middle, its end. */
function rungeKuttaTimesteps(steps: number[], stride: number): number[] {
  const half = Math.floor(stride / 2);
  return [0, 1, 2].flatMap((i) => [steps[i]!, steps[i + 1]! + half, steps[i + 1]! + half, steps[i + 1]!]);
}

function requireRungeKuttaSteps(steps: number[]): void {
  if (steps.length >= 4) return;
  throw new SchedulerRefusal(
    `PNDMScheduler needs at least 4 steps, not ${steps.length}, unless skip_prk_steps is true`,
  );
}
