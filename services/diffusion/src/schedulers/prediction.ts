/** What a network predicts, turned into what a solver needs. The sample is x = alpha·x0 + sigma·noise with alpha² + sigma² = 1. */
import { combine, type Latents } from "./latents.js";

/** `epsilon` is the noise; `v_prediction` is v = alpha·noise − sigma·x0 (Salimans and Ho 2022, arXiv:2202.00512); `sample` is x0. */
export type PredictionType = "epsilon" | "v_prediction" | "sample";

/** How much of the data and how much of the noise a sample holds. */
export interface Level {
  alpha: number;
  sigma: number;
}

/** Data without noise. */
export const CLEAN: Level = { alpha: 1, sigma: 0 };

/** What the network said of `x` at a level. */
interface Prediction extends Level {
  type: PredictionType;
  output: Latents;
  x: Latents;
}

/** The network's idea of the clean sample, x0. */
export function toDenoised({ type, output, x, alpha, sigma }: Prediction): Latents {
  if (type === "sample") return output;
  if (type === "v_prediction") return combine(alpha, x, -sigma, output);
  return combine(1 / alpha, x, -sigma / alpha, output);
}

/** The network's idea of the noise, epsilon. */
export function toNoise({ type, output, x, alpha, sigma }: Prediction): Latents {
  if (type === "epsilon") return output;
  if (type === "v_prediction") return combine(alpha, output, sigma, x);
  return combine(1 / sigma, x, -alpha / sigma, output);
}

/** The level of a sample whose noise is `ratio` times as strong as its data (the sigma of Karras et al. 2022, arXiv:2206.00364). */
export function levelOfRatio(ratio: number): Level {
  const alpha = 1 / Math.sqrt(ratio ** 2 + 1);
  return { alpha, sigma: ratio * alpha };
}

/** The level of a sample whose data has the variance share `alphaCumprod`. */
export const levelOfAlphaCumprod = (alphaCumprod: number): Level => ({
  alpha: Math.sqrt(alphaCumprod),
  sigma: Math.sqrt(1 - alphaCumprod),
});

/** The levels of samples whose noise is this many times as strong as their data, and of the clean picture that they end at. */
export const levelsOfRatios = (ratios: readonly number[]): Level[] => [...ratios.map(levelOfRatio), CLEAN];

/** As `levelsOfRatios`, at timesteps of a model's training. */
export const levelsAt = (timesteps: readonly number[], alphasCumprod: Float32Array): Level[] => [
  ...timesteps.map((timestep) => levelOfAlphaCumprod(alphasCumprod[timestep]!)),
  CLEAN,
];

/** log(alpha / sigma), half the logarithm of the signal-to-noise ratio: the time of the DPM solvers. Infinite without noise. */
export const logSnr = ({ alpha, sigma }: Level): number => Math.log(alpha) - Math.log(sigma);
