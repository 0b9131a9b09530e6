/** DDIM: Song et al. 2021, arXiv:2010.02502. */
import { alphasCumprod, TRAINING, ZERO_SNR } from "./alphas.js";
import { clamp, combine } from "./latents.js";
import { type ConfigOf, flag, oneOf, only, real } from "./options.js";
import { type Level, levelOfAlphaCumprod, levelsAt, toDenoised, toNoise } from "./prediction.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";
import { spacingOptions, wholeTimesteps } from "./timesteps.js";

const OPTIONS = {
  ...TRAINING,
  ...ZERO_SNR,
  ...spacingOptions("leading"),
  predictionType: oneOf("epsilon", ["epsilon", "v_prediction", "sample"] as const),
  clipSample: flag(true),
  clipSampleRange: real(1, 0, 1e6),
  /** What the last step goes to: pure data, or the first training step. */
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
  schedule(c, numInferenceSteps) {
    const timesteps = wholeTimesteps(c, numInferenceSteps);
    const alphas = alphasCumprod(c);
    const levels = levelsAt(timesteps, alphas);
    const stride = Math.floor(c.numTrainTimesteps / numInferenceSteps);
    return {
      timesteps,
      levels,
      initNoiseSigma: 1,
      sample: (run) => sample({ ...c, timesteps, levels, alphas, stride }, run),
    };
  },
});

interface Plan extends ConfigOf<typeof OPTIONS> {
  timesteps: number[];
  levels: Level[];
  alphas: Float32Array;
  /** Each step goes this far down, also where the timesteps are spaced otherwise: so does diffusers. */
  stride: number;
}

/** Equation 12, with sigma_t = eta times its equation 16. */
function* sample(c: Plan, { latents, noise, eta, begin = 0 }: Run): Sampler {
  const alphaAt = (t: number) => (t >= 0 ? c.alphas[t]! : c.setAlphaToOne ? 1 : c.alphas[0]!);
  let x = latents;
  for (let i = begin; i < c.timesteps.length; i++) {
    const timestep = c.timesteps[i]!;
    const [alpha, alphaNext] = [alphaAt(timestep), alphaAt(timestep - c.stride)];
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
