/** Euler's method along sigma: Karras et al. 2022, arXiv:2206.00364, algorithm 1 without its second-order correction. */
import { positiveAlphasCumprod, TRAINING, ZERO_SNR } from "./alphas.js";
import { combine, scale } from "./latents.js";
import { oneOf, only } from "./options.js";
import { type Level, levelOfRatio, type PredictionType, toDenoised } from "./prediction.js";
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

export const euler = defineScheduler({
  className: "EulerDiscreteScheduler",
  shortNames: { euler: {} },
  options: {
    ...TRAINING,
    ...ZERO_SNR,
    ...spacingOptions("linspace"),
    ...SIGMA_SPACING,
    predictionType: oneOf("epsilon", ["epsilon", "v_prediction", "sample"] as const, { original_sample: "sample" }),
    interpolationType: only("linear"),
    timestepType: only("discrete"),
  },
  schedule(c, numInferenceSteps) {
    const train = trainingSigmas(positiveAlphasCumprod(c));
    const spaced = spacedTimesteps(c, numInferenceSteps);
    const spacedSigmas = spaced.map((t) => sigmaAt(train, t));
    const [sigmaMax, sigmaMin] = [c.sigmaMax ?? spacedSigmas[0]!, c.sigmaMin ?? spacedSigmas.at(-1)!];
    const levels = c.useKarrasSigmas ? karrasSigmas(sigmaMax, sigmaMin, numInferenceSteps) : spacedSigmas;
    const timesteps = c.useKarrasSigmas ? levels.map((sigma) => timestepOfSigma(train, sigma)) : spaced;

    const sigmas = [...levels, c.finalSigmasType === "zero" ? 0 : train[0]!].map(Math.fround);
    const plan = {
      timesteps: timesteps.map(Math.fround),
      sigmas,
      levels: growingLevels(sigmas),
      predictionType: c.predictionType,
    };
    return {
      ...plan,
      initNoiseSigma: initNoiseSigma(sigmas, c.timestepSpacing),
      sample: (run) => sample(plan, run),
    };
  },
});

interface Plan {
  timesteps: number[];
  sigmas: number[];
  levels: Level[];
  predictionType: PredictionType;
}

function* sample({ timesteps, sigmas, levels, predictionType }: Plan, { latents, begin = 0 }: Run): Sampler {
  let x = latents;
  for (let i = begin; i < timesteps.length; i++) {
    const [sigma, next] = [sigmas[i]!, sigmas[i + 1]!];
    const scaled = levelOfRatio(sigma);
    const modelInput = scale(scaled.alpha, x);
    const output = yield { sample: x, level: levels[i]!, modelInput, timestep: timesteps[i]!, step: i - begin };
    const denoised = toDenoised({ type: predictionType, output, x: modelInput, ...scaled });
    x = combine(next / sigma, x, 1 - next / sigma, denoised);
    x = yield { settle: x, level: levels[i + 1]! };
  }
  return x;
}
