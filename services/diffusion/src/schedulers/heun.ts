/** Heun's method along sigma: Karras et al. 2022, arXiv:2206.00364, algorithm 1: two evaluations a step, and one to no noise. */
import { denoisedAt, initNoiseSigma, type SigmaPlan, sigmaPlan, spacedSigmas } from "./along-sigma.js";
import { positiveAlphasCumprod, TRAINING } from "./alphas.js";
import { clamp, combine, type Latents } from "./latents.js";
import { type ConfigOf, flag, oneOf, real } from "./options.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";
import { SIGMA_SPACING, trainingSigmas } from "./sigmas.js";
import { spacingOptions } from "./timesteps.js";

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
    const steps = spacedSigmas(train, c, numInferenceSteps);
    const plan = sigmaPlan({
      timesteps: twiceAfterFirst(steps.timesteps),
      sigmas: [...twiceAfterFirst(steps.sigmas), 0],
      predictionType: c.predictionType,
    });
    return {
      ...plan,
      order: 2,
      initNoiseSigma: initNoiseSigma(plan.sigmas, c.timestepSpacing),
      sample: (run) => sample({ ...c, ...plan }, run),
    };
  },
});

type Plan = SigmaPlan & Pick<ConfigOf<typeof OPTIONS>, "clipSample" | "clipSampleRange">;

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
  const unclipped = yield* denoisedAt(c, x, i, begin);
  const denoised = c.clipSample ? clamp(unclipped, c.clipSampleRange) : unclipped;
  return combine(1 / sigma, x, -1 / sigma, denoised);
}

/** The end of a step is the start of the next one. */
const twiceAfterFirst = (steps: number[]): number[] => steps.flatMap((step, i) => (i === 0 ? [step] : [step, step]));
