/** Heun's method along sigma: Karras et al. 2022, arXiv:2206.00364, algorithm 1: two evaluations a step, and one to no noise. */
import { positiveAlphasCumprod, TRAINING } from "./alphas.js";
import { clamp, combine, type Latents, scale } from "./latents.js";
import { type ConfigOf, flag, oneOf, real } from "./options.js";
import { type Level, levelOfRatio, toDenoised } from "./prediction.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";
import {
  growingLevels,
  initNoiseSigma,
  karrasSigmas,
  SIGMA_SPACING,
  sigmaAt,
  timestepOfSigma,
  trainingSigmas,
} from "./sigmas.js";
import { spacedTimesteps, spacingOptions } from "./timesteps.js";

const { useKarrasSigmas, useExponentialSigmas, useBetaSigmas } = SIGMA_SPACING;

const OPTIONS = {
  ...TRAINING,
  betaStart: real(0.00085, 0, 0.999),
  betaEnd: real(0.012, 0, 0.999),
  ...spacingOptions("linspace"),
  ...{ useKarrasSigmas, useExponentialSigmas, useBetaSigmas },
  predictionType: oneOf("epsilon", ["epsilon", "v_prediction"] as const),
  clipSample: flag(false),
  clipSampleRange: real(1, 0, 1e6),
};

export const heun = defineScheduler({
  className: "HeunDiscreteScheduler",
  shortNames: { heun: {} },
  options: OPTIONS,
  schedule(c, numInferenceSteps) {
    const train = trainingSigmas(positiveAlphasCumprod(c));
    const spaced = spacedTimesteps(c, numInferenceSteps);
    const ends = [spaced[0]!, spaced.at(-1)!].map((t) => sigmaAt(train, t)) as [number, number];
    const levels = c.useKarrasSigmas ? karrasSigmas(...ends, numInferenceSteps) : spaced.map((t) => sigmaAt(train, t));
    const steps = c.useKarrasSigmas ? levels.map((sigma) => timestepOfSigma(train, sigma)) : spaced;

    const timesteps = twiceAfterFirst(steps).map(Math.fround);
    const sigmas = [...twiceAfterFirst(levels), 0].map(Math.fround);
    const plan = { timesteps, sigmas, levels: growingLevels(sigmas) };
    return {
      ...plan,
      order: 2,
      initNoiseSigma: initNoiseSigma(sigmas, c.timestepSpacing),
      sample: (run) => sample({ ...c, ...plan }, run),
    };
  },
});

interface Plan extends ConfigOf<typeof OPTIONS> {
  timesteps: number[];
  sigmas: number[];
  levels: Level[];
}

/** Each step but the last goes along the mean of the slopes at its two ends. */
function* sample(c: Plan, { latents, begin = 0 }: Run): Sampler {
  let x = latents;
  for (let i = begin; i < c.timesteps.length; i += 2) {
    const dt = c.sigmas[i + 1]! - c.sigmas[i]!;
    const slope = yield* slopeAt(c, x, i, begin);
    const straight = yield { settle: combine(1, x, dt, slope), level: c.levels[i + 1]! };
    if (i + 1 === c.timesteps.length) return straight;

    const slopeAtEnd = yield* slopeAt(c, straight, i + 1, begin);
    x = yield { settle: combine(1, x, dt / 2, slope, dt / 2, slopeAtEnd), level: c.levels[i + 2]! };
  }
  return x;
}

/** dx/dσ at evaluation `i` of the plan: equation 3 with s = 1. */
function* slopeAt(c: Plan, x: Latents, i: number, begin: number): Sampler {
  const sigma = c.sigmas[i]!;
  const scaled = levelOfRatio(sigma);
  const modelInput = scale(scaled.alpha, x);
  const output = yield { sample: x, level: c.levels[i]!, modelInput, timestep: c.timesteps[i]!, step: i - begin };
  const unclipped = toDenoised({ type: c.predictionType, output, x: modelInput, ...scaled });
  const denoised = c.clipSample ? clamp(unclipped, c.clipSampleRange) : unclipped;
  return combine(1 / sigma, x, -1 / sigma, denoised);
}

/** The end of a step is the start of the next one. */
const twiceAfterFirst = (steps: number[]): number[] => steps.flatMap((step, i) => (i === 0 ? [step] : [step, step]));
