/** Latent consistency models: Luo et al. 2023, arXiv:2310.04378. */
import { alphasCumprod, TRAINING, ZERO_SNR } from "./alphas.js";
import { addNoise, clamp, combine } from "./latents.js";
import { type ConfigOf, flag, integer, oneOf, only, real } from "./options.js";
import { type Level, levelsAt, toDenoised } from "./prediction.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";
import { requireSteps } from "./timesteps.js";

const OPTIONS = {
  ...TRAINING,
  betaStart: real(0.00085, 0, 0.999),
  betaEnd: real(0.012, 0, 0.999),
  betaSchedule: { ...TRAINING.betaSchedule, fallback: "scaled_linear" as const },
  ...ZERO_SNR,
  predictionType: oneOf("epsilon", ["epsilon", "v_prediction", "sample"] as const),
  /** The number of steps that the model was distilled for; timesteps are taken from theirs. */
  originalInferenceSteps: integer(50, 1, 1000),
  timestepScaling: real(10, 0, 1e6),
  clipSample: flag(false),
  clipSampleRange: real(1, 0, 1e6),
  thresholding: only(false),
};

export const lcm = defineScheduler({
  className: "LCMScheduler",
  shortNames: { lcm: {} },
  options: OPTIONS,
  traits: { renewsNoise: true },
  conflict(c) {
    if (c.originalInferenceSteps > c.numTrainTimesteps) {
      return { option: "originalInferenceSteps", detail: `wants at most num_train_timesteps (${c.numTrainTimesteps})` };
    }
    if (c.rescaleBetasZeroSnr && c.predictionType === "epsilon") {
      return {
        option: "rescaleBetasZeroSnr",
        detail: 'with prediction_type "epsilon" the first step would divide by zero',
      };
    }
    return undefined;
  },
  schedule(c, numInferenceSteps) {
    const timesteps = distilledTimesteps(c, numInferenceSteps);
    const alphas = alphasCumprod(c);
    const levels = levelsAt(timesteps, alphas);
    return { timesteps, levels, initNoiseSigma: 1, sample: (run) => sample({ ...c, timesteps, levels }, run) };
  },
});

interface Plan extends ConfigOf<typeof OPTIONS> {
  timesteps: number[];
  levels: Level[];
}

/** Denoises in one go, and adds fresh noise for the next try. */
function* sample(c: Plan, { latents, noise, begin = 0 }: Run): Sampler {
  let x = latents;
  for (let i = begin; i < c.timesteps.length; i++) {
    const timestep = c.timesteps[i]!;
    const level = c.levels[i]!;
    const output = yield { sample: x, level, modelInput: x, timestep, step: i - begin };
    const predicted = toDenoised({ type: c.predictionType, output, x, ...level });
    const clean = c.clipSample ? clamp(predicted, c.clipSampleRange) : predicted;
    const { skip, out } = boundaryScalings(timestep * c.timestepScaling);
    const denoised = combine(out, clean, skip, x);

    const next = c.levels[i + 1]!;
    x = next.sigma > 0 ? addNoise(denoised, noise(x.length), next) : denoised;
    x = yield { settle: x, level: next };
  }
  return x;
}

/** Make the model the identity at timestep 0, with the data's standard deviation taken as 1/2. */
function boundaryScalings(scaled: number): { skip: number; out: number } {
  const dataVariance = 0.25;
  return { skip: dataVariance / (scaled ** 2 + dataVariance), out: scaled / Math.sqrt(scaled ** 2 + dataVariance) };
}

/** Evenly picked from the timesteps of distillation, the noisiest first. */
function distilledTimesteps(c: ConfigOf<typeof OPTIONS>, count: number): number[] {
  const { originalInferenceSteps, numTrainTimesteps } = c;
  requireSteps(count, originalInferenceSteps);
  const stride = Math.floor(numTrainTimesteps / originalInferenceSteps);
  return Array.from({ length: count }, (_, i) => {
    const skipped = Math.floor(i * (originalInferenceSteps / count));
    return (originalInferenceSteps - skipped) * stride - 1;
  });
}
