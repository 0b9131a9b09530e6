/** What the solvers that remember earlier predictions share: their options and their schedule. */
import { positiveAlphasCumprod, TRAINING, ZERO_SNR } from "./alphas.js";
import type { Latents } from "./latents.js";
import { type ConfigOf, flag, integer, oneOf, only } from "./options.js";
import { type Level, levelOfRatio, levelsOfRatios, logSnr } from "./prediction.js";
import { karrasSigmas, NO_FLOW, SIGMA_SPACING, sigmaAt, timestepOfSigma, trainingSigmas } from "./sigmas.js";
import { roundHalfToEven, spacingOptions, wholeTimestepsBeforeLast } from "./timesteps.js";

export const MULTISTEP = {
  ...TRAINING,
  ...ZERO_SNR,
  ...spacingOptions("linspace"),
  ...SIGMA_SPACING,
  ...NO_FLOW,
  solverOrder: integer(2, 1, 3),
  predictionType: oneOf("epsilon", ["epsilon", "v_prediction", "sample"] as const),
  /** Falls back to lower orders over the last steps. */
  lowerOrderFinal: flag(true),
  thresholding: only(false),
};

/** A prediction (of the data or of the noise) and the lambda that it was made at. */
export interface Known {
  value: Latents;
  lambda: number;
}

export interface MultistepPlan {
  timesteps: number[];
  /** One more than timesteps. */
  sigmas: number[];
  levels: Level[];
}

/** Timesteps and sigmas for a number of steps. With Karras sigmas the model is asked at the nearest whole timestep. */
export function multistepPlan(
  c: ConfigOf<typeof MULTISTEP>,
  numInferenceSteps: number,
  lambdaMin?: number,
): MultistepPlan {
  const alphas = positiveAlphasCumprod(c);
  const train = trainingSigmas(alphas);
  const limit = lambdaMin === undefined ? alphas.length : stepsAbove(train, lambdaMin);
  const spaced = wholeTimestepsBeforeLast({ ...c, limit }, numInferenceSteps);
  const last = c.finalSigmasType === "zero" ? 0 : train[0]!;
  if (!c.useKarrasSigmas) {
    return withLevels(spaced, [...spaced.map((t) => sigmaAt(train, t)), last].map(Math.fround));
  }
  const levels = karrasSigmas(c.sigmaMax ?? train.at(-1)!, c.sigmaMin ?? train[0]!, numInferenceSteps);
  const timesteps = levels.map((sigma) => roundHalfToEven(timestepOfSigma(train, sigma)));
  return withLevels(timesteps, [...levels, last].map(Math.fround));
}

const withLevels = (timesteps: number[], sigmas: number[]): MultistepPlan => ({
  timesteps,
  sigmas,
  levels: levelsOfRatios(sigmas.slice(0, -1)),
});

/** How many training steps have a half-logarithmic signal-to-noise ratio of at least `lambdaMin`. */
const stepsAbove = (train: Float32Array, lambdaMin: number): number =>
  train.reduce((count, sigma) => count + (logSnr(levelOfRatio(sigma)) >= lambdaMin ? 1 : 0), 0);
