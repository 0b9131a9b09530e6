/** PNDM: Liu et al. 2022, arXiv:2202.09778. Without its Runge-Kutta steps it is known as PLMS. */
import { alphasCumprod, TRAINING } from "./alphas.js";
import { combine, type Latents } from "./latents.js";
import { type ConfigOf, flag, oneOf } from "./options.js";
import { levelOfAlphaCumprod, toNoise } from "./prediction.js";
import { SchedulerRefusal } from "./refusal.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";
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
    const alphas = alphasCumprod(c);
    return {
      timesteps,
      initNoiseSigma: 1,
      addNoise(original, noise, begin) {
        const { alpha, sigma } = levelOfAlphaCumprod(alphas[timesteps[begin]!]!);
        return combine(alpha, original, sigma, noise);
      },
      sample: (run) => sample({ ...c, timesteps, alphas, stride }, run),
    };
  },
});

interface Plan extends ConfigOf<typeof OPTIONS> {
  timesteps: number[];
  alphas: Float32Array;
  stride: number;
}

function sample(plan: Plan, run: Run): Sampler {
  if (plan.skipPrkSteps) return trapezoidThenMultistep(plan, run);
  if (run.begin) {
    const detail = "must be true to start from an image: Runge-Kutta steps can only be taken from the first timestep";
    throw new SchedulerRefusal(detail, "skip_prk_steps");
  }
  return rungeKuttaThenMultistep(plan, run);
}

/** The first step is taken twice: the second time with the mean of the outputs at its two ends. */
function* trapezoidThenMultistep(c: Plan, { latents, begin = 0 }: Run): Sampler {
  const timesteps = c.timesteps.slice(begin);
  const [first, second] = timesteps;
  const outputs = [yield { sample: latents, modelInput: latents, timestep: first!, step: 0 }];
  let x = transfer(c, latents, outputs[0]!, first!, first! - c.stride);
  if (second === undefined) return x;

  const end = yield { sample: x, modelInput: x, timestep: second, step: 1 };
  x = transfer(c, latents, combine(0.5, end, 0.5, outputs[0]!), second + c.stride, second);
  return yield* multistep(c, x, outputs, 2, begin);
}

/** The Runge-Kutta start, three times: the classical method of order 4, with `transfer` for each straight step. */
function* rungeKuttaThenMultistep(c: Plan, { latents }: Run): Sampler {
  const outputs: Latents[] = [];
  let x = latents;
  for (let step = 0; step < 12; step += 4) {
    const [t, middle, , end] = c.timesteps.slice(step, step + 4) as [number, number, number, number];
    const half = Math.floor(c.stride / 2);
    const e1 = yield { sample: x, modelInput: x, timestep: t, step };
    const x1 = transfer(c, x, e1, t, t - half);
    const e2 = yield { sample: x1, modelInput: x1, timestep: middle, step: step + 1 };
    const x2 = transfer(c, x, e2, t, middle);
    const e3 = yield { sample: x2, modelInput: x2, timestep: middle, step: step + 2 };
    const x3 = transfer(c, x, e3, t, middle - half);
    const e4 = yield { sample: x3, modelInput: x3, timestep: end, step: step + 3 };
    x = transfer(c, x, combine(1 / 6, e1, 1 / 3, e2, 1 / 3, e3, 1 / 6, e4), t, end);
    outputs.push(e1);
  }
  return yield* multistep(c, x, outputs, 12, 0);
}

/** Adams-Bashforth coefficients of orders 2 to 4 of the multistep method, newest output first. */
const ADAMS_BASHFORTH = [
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/** Goes on from evaluation `step` of the run; `outputs` are those before it, oldest first. */
function* multistep(c: Plan, start: Latents, outputs: Latents[], step: number, begin: number): Sampler {
  let x = start;
  let known = [...outputs].reverse();
  for (let i = step; begin + i < c.timesteps.length; i++) {
    const timestep = c.timesteps[begin + i]!;
    known = [yield { sample: x, modelInput: x, timestep, step: i }, ...known].slice(0, 4);
    const weights = ADAMS_BASHFORTH[known.length - 2]!;
    const output = combine(...known.flatMap((value, k) => [weights[k]!, value]));
    x = transfer(c, x, output, timestep, timestep - c.stride);
  }
  return x;
}

/** The transfer part, equation 11: from timestep t to another one, straight along an output (noise or v). */
function transfer(c: Plan, x: Latents, output: Latents, t: number, next: number): Latents {
  const alphaAt = (at: number) => (at >= 0 ? c.alphas[at]! : c.setAlphaToOne ? 1 : c.alphas[0]!);
  const from = levelOfAlphaCumprod(alphaAt(t));
  const to = levelOfAlphaCumprod(alphaAt(next));
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
