/** Euler's method with fresh noise at each step: the ancestral sampler of Ho et al. 2020, arXiv:2006.11239, along sigma. */
import { denoisedAt, initNoiseSigma, type SigmaPlan, sigmaPlan } from "./along-sigma.js";
import { positiveAlphasCumprod, TRAINING, ZERO_SNR } from "./alphas.js";
import { combine } from "./latents.js";
import { oneOf } from "./options.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";
import { sigmaAt, trainingSigmas } from "./sigmas.js";
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
    const sigmas = [...timesteps.map((t) => sigmaAt(train, t)), 0];
    const plan = sigmaPlan({ timesteps, sigmas, predictionType: c.predictionType });
    return {
      ...plan,
      initNoiseSigma: initNoiseSigma(plan.sigmas, c.timestepSpacing),
      sample: (run) => sample(plan, run),
    };
  },
});

function* sample(plan: SigmaPlan, { latents, noise, begin = 0 }: Run): Sampler {
  let x = latents;
  for (let i = begin; i < plan.timesteps.length; i++) {
    const [sigma, next] = [plan.sigmas[i]!, plan.sigmas[i + 1]!];
    const denoised = yield* denoisedAt(plan, x, i, begin);
    const up = next * Math.sqrt(1 - (next / sigma) ** 2);
    const down = next ** 2 / sigma; // up² + down² = next²
    x = combine(down / sigma, x, 1 - down / sigma, denoised, up, noise(x.length));
    x = yield { settle: x, level: plan.levels[i + 1]! };
  }
  return x;
}
