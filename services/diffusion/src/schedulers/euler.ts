/** Euler's method along sigma: Karras et al. 2022, arXiv:2206.00364, algorithm 1 without its second-order correction. */
import { denoisedAt, initNoiseSigma, type SigmaPlan, sigmaPlan, spacedSigmas } from "./along-sigma.js";
import { positiveAlphasCumprod, TRAINING, ZERO_SNR } from "./alphas.js";
import { combine } from "./latents.js";
import { oneOf, only } from "./options.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";
import { SIGMA_SPACING, trainingSigmas } from "./sigmas.js";
import { spacingOptions } from "./timesteps.js";

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
    const { timesteps, sigmas } = spacedSigmas(train, c, numInferenceSteps);
    const last = c.finalSigmasType === "zero" ? 0 : train[0]!;
    const plan = sigmaPlan({ timesteps, sigmas: [...sigmas, last], predictionType: c.predictionType });
    return {
      ...plan,
      initNoiseSigma: initNoiseSigma(plan.sigmas, c.timestepSpacing),
      sample: (run) => sample(plan, run),
    };
  },
});

function* sample(plan: SigmaPlan, { latents, begin = 0 }: Run): Sampler {
  let x = latents;
  for (let i = begin; i < plan.timesteps.length; i++) {
    const [sigma, next] = [plan.sigmas[i]!, plan.sigmas[i + 1]!];
    const denoised = yield* denoisedAt(plan, x, i, begin);
    x = combine(next / sigma, x, 1 - next / sigma, denoised);
    x = yield { settle: x, level: plan.levels[i + 1]! };
  }
  return x;
}
