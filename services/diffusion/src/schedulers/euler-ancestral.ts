/** Euler's method with fresh noise at each step: the ancestral sampler of Ho et al. 2020, arXiv:2006.11239, along sigma. */
import { positiveAlphasCumprod, TRAINING, ZERO_SNR } from "./alphas.js";
import { combine, scale } from "./latents.js";
import { oneOf } from "./options.js";
import { type Level, levelOfRatio, type PredictionType, toDenoised } from "./prediction.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";
import { growingLevels, initNoiseSigma, sigmaAt, trainingSigmas } from "./sigmas.js";
import { spacedTimesteps, spacingOptions } from "./timesteps.js";

export const eulerAncestral = defineScheduler({
  className: "EulerAncestralDiscreteScheduler",
  shortNames: { "euler a": {}, "euler ancestral": {} },
  options: {
    ...TRAINING,
    ...ZERO_SNR,
    ...spacingOptions("linspace"),
    predictionType: oneOf("epsilon", ["epsilon", "v_prediction"] as const),
  },
  schedule(c, numInferenceSteps) {
    const train = trainingSigmas(positiveAlphasCumprod(c));
    const timesteps = spacedTimesteps(c, numInferenceSteps).map(Math.fround);
    const sigmas = [...timesteps.map((t) => sigmaAt(train, t)), 0].map(Math.fround);
    const plan = { timesteps, sigmas, levels: growingLevels(sigmas), predictionType: c.predictionType };
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

function* sample({ timesteps, sigmas, levels, predictionType }: Plan, { latents, noise, begin = 0 }: Run): Sampler {
  let x = latents;
  for (let i = begin; i < timesteps.length; i++) {
    const [sigma, next] = [sigmas[i]!, sigmas[i + 1]!];
    const scaled = levelOfRatio(sigma);
    const modelInput = scale(scaled.alpha, x);
    const output = yield { sample: x, level: levels[i]!, modelInput, timestep: timesteps[i]!, step: i - begin };
    const denoised = toDenoised({ type: predictionType, output, x: modelInput, ...scaled });
    const up = next * Math.sqrt(1 - (next / sigma) ** 2);
    const down = next ** 2 / sigma; // up² + down² = next²
    x = combine(down / sigma, x, 1 - down / sigma, denoised, up, noise(x.length));
    x = yield { settle: x, level: levels[i + 1]! };
  }
  return x;
}
