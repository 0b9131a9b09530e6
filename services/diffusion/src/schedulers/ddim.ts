/** DDIM: Song et al. 2021, arXiv:2010.02502. */
import { TRAINING, ZERO_SNR } from "./alphas.js";
import { clamp, combine } from "./latents.js";
import { type ConfigOf, flag, oneOf, only, real } from "./options.js";
import { alphaAt, plannedSchedule, type TrainingPlan, trainingPlan } from "./planned.js";
import { levelOfAlphaCumprod, toDenoised, toNoise } from "./prediction.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";
import { spacingOptions, wholeTimesteps } from "./timesteps.js";

const OPTIONS = {
  ...TRAINING,
  ...ZERO_SNR,
  ...spacingOptions("leading"),
  predictionType: oneOf("epsilon", ["epsilon", "v_prediction", "sample"] as const),
  clipSample: flag(true),
  clipSampleRange: real(1, 0, 1e6),
  setAlphaToOne: flag(true),
  thresholding: only(false),
};

export const ddim = defineScheduler({
  className: "DDIMScheduler",
  shortNames: { ddim: {} },
  options: OPTIONS,
  traits: { takesEta: true },
  conflict: ({ rescaleBetasZeroSnr, predictionType, timestepSpacing }) =>
    rescaleBetasZeroSnr && predictionType === "epsilon" && timestepSpacing !== "leading"
      ? { option: "rescaleBetasZeroSnr", detail: 'with prediction_type "epsilon" the first step would divide by zero' }
      : undefined,
  schedule: (c, numInferenceSteps) =>
    plannedSchedule(c, trainingPlan(c, wholeTimesteps(c, numInferenceSteps), numInferenceSteps), sample),
});

type Plan = ConfigOf<typeof OPTIONS> & TrainingPlan;

/** Equation 12, with sigma_t = eta times its equation 16. */
function* sample(c: Plan, { latents, noise, eta, begin = 0 }: Run): Sampler {
  let x = latents;
  for (let i = begin; i < c.timesteps.length; i++) {
    const timestep = c.timesteps[i]!;
    const [alpha, alphaNext] = [alphaAt(c, timestep), alphaAt(c, timestep - c.stride)];
    const output = yield { sample: x, level: c.levels[i]!, modelInput: x, timestep, step: i - begin };

    const prediction = { type: c.predictionType, output, x, ...levelOfAlphaCumprod(alpha) };
    const unclipped = toDenoised(prediction);
    const denoised = c.clipSample ? clamp(unclipped, c.clipSampleRange) : unclipped;
    const variance = ((1 - alphaNext) / (1 - alpha)) * (1 - alpha / alphaNext);
    const sigma = eta * Math.sqrt(variance);
    const next = [Math.sqrt(alphaNext), denoised, Math.sqrt(1 - alphaNext - sigma ** 2), toNoise(prediction)];
    x = eta > 0 ? combine(...next, sigma, noise(x.length)) : combine(...next);
    x = yield { settle: x, level: c.levels[i + 1]! };
  }
  return x;
}
