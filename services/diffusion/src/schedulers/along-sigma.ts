/** What schedulers that walk along sigma share: their plan, and what they ask of the network. Karras et al. 2022, arXiv:2206.00364. */
import { type Latents, scale } from "./latents.js";
import { CLEAN, type Level, levelOfRatio, type PredictionType, toDenoised } from "./prediction.js";
import type { Sampler } from "./scheduler.js";
import { karrasSigmas, sigmaAt, timestepOfSigma } from "./sigmas.js";
import { type Spacing, spacedTimesteps, type TimestepSpacing } from "./timesteps.js";

/** One entry per evaluation, in order, in float32 as diffusers keeps them. */
export interface SigmaPlan {
  timesteps: number[];
  /** One more than timesteps. */
  sigmas: number[];
  levels: Level[];
  predictionType: PredictionType;
}

export function sigmaPlan({ timesteps, sigmas, predictionType }: Omit<SigmaPlan, "levels">): SigmaPlan {
  const rounded = sigmas.map(Math.fround);
  return {
    timesteps: timesteps.map(Math.fround),
    sigmas: rounded,
    levels: growingLevels(rounded),
    predictionType,
  };
}

/** The levels of samples that keep the data as it is and hold noise of these sigmas; at the end of a run it is clean. */
const growingLevels = (sigmas: readonly number[]): Level[] => [
  ...sigmas.slice(0, -1).map((sigma) => ({ alpha: 1, sigma })),
  CLEAN,
];

interface SigmaSpacing extends Spacing {
  useKarrasSigmas: boolean;
  /** Ends of the Karras spacing; null or undefined: those of the spaced timesteps. */
  sigmaMin?: number | null;
  sigmaMax?: number | null;
}

/** `count` timesteps, falling, and the sigma of each: the model's own at spaced timesteps, or Karras' between their ends. */
export function spacedSigmas(
  train: Float32Array,
  c: SigmaSpacing,
  count: number,
): Record<"timesteps" | "sigmas", number[]> {
  const timesteps = spacedTimesteps(c, count);
  const sigmas = timesteps.map((t) => sigmaAt(train, t));
  if (!c.useKarrasSigmas) return { timesteps, sigmas };
  const karras = karrasSigmas(c.sigmaMax ?? sigmas[0]!, c.sigmaMin ?? sigmas.at(-1)!, count);
  return { timesteps: karras.map((sigma) => timestepOfSigma(train, sigma)), sigmas: karras };
}

/** What diffusers' Euler schedulers start with: with leading spacing also the data's own variance is counted. */
export const initNoiseSigma = (sigmas: readonly number[], spacing: TimestepSpacing): number => {
  const most = Math.max(...sigmas);
  return spacing === "leading" ? Math.sqrt(most ** 2 + 1) : most;
};

/** Has the network see sample `x` of evaluation `i`, scaled to the variance that it was trained on → the clean sample, x0. */
export function* denoisedAt(plan: SigmaPlan, x: Latents, i: number, begin: number): Sampler {
  const scaled = levelOfRatio(plan.sigmas[i]!);
  const modelInput = scale(scaled.alpha, x);
  const output = yield {
    ...{ sample: x, level: plan.levels[i]!, modelInput },
    ...{ timestep: plan.timesteps[i]!, step: i - begin },
  };
  return toDenoised({ type: plan.predictionType, output, x: modelInput, ...scaled });
}
