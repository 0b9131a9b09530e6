/** Noise levels as the ratio of noise to data, sigma: Karras et al. 2022, arXiv:2206.00364. */
import { flag, oneOf, only, realOrNull } from "./options.js";
import { rampTo } from "./timesteps.js";

/** Options of schedulers that walk along sigmas. diffusers' exponential and beta spacings are not supported. */
export const SIGMA_SPACING = {
  useKarrasSigmas: flag(false),
  useExponentialSigmas: only(false),
  useBetaSigmas: only(false),
  finalSigmasType: oneOf("zero", ["zero", "sigma_min"]),
  /** Ends of the Karras spacing; null takes the model's own. */
  sigmaMin: realOrNull(1e-6, 1e6),
  sigmaMax: realOrNull(1e-6, 1e6),
};

/** Options of flow matching models, which are not Stable Diffusion 1 or 2. */
export const NO_FLOW = { useFlowSigmas: only(false), useDynamicShifting: only(false) };

/** The sigma of each training step, rising; float32, as in diffusers. */
export const trainingSigmas = (alphasCumprod: Float32Array): Float32Array =>
  alphasCumprod.map((alpha) => Math.sqrt(Math.fround(Math.fround(1 - alpha) / alpha)));

/** The sigma at a timestep that may lie between two training steps: linear interpolation. */
export function sigmaAt(trainSigmas: Float32Array, timestep: number): number {
  const low = Math.min(Math.max(Math.floor(timestep), 0), trainSigmas.length - 1);
  const high = Math.min(low + 1, trainSigmas.length - 1);
  return trainSigmas[low]! + (trainSigmas[high]! - trainSigmas[low]!) * Math.min(timestep - low, 1);
}

/** `count` falling sigmas, dense where the noise is weak: arXiv:2206.00364, equation 5 with rho = 7. */
export function karrasSigmas(sigmaMax: number, sigmaMin: number, count: number): number[] {
  const rho = 7;
  const [start, end] = [sigmaMax ** (1 / rho), sigmaMin ** (1 / rho)];
  return rampTo(1, count).map((part) => (start + part * (end - start)) ** rho);
}

/** The timestep, not rounded, at which the model was trained with this sigma: interpolated along the logarithm. */
export function timestepOfSigma(trainSigmas: Float32Array, sigma: number): number {
  const wanted = Math.log(Math.max(sigma, 1e-10));
  const above = trainSigmas.findIndex((train) => Math.log(train) > wanted);
  const low = Math.min(Math.max((above < 0 ? trainSigmas.length : above) - 1, 0), trainSigmas.length - 2);
  const [from, to] = [Math.log(trainSigmas[low]!), Math.log(trainSigmas[low + 1]!)];
  return low + Math.min(Math.max((wanted - from) / (to - from), 0), 1);
}
