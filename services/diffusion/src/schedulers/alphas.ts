/** How much of the data is left at each training step, computed in the order and precision of diffusers (float32). */
import { type ConfigOf, flag, integer, oneOf, only, real } from "./options.js";

/** Options of the noise that the model was trained with. They come with the model and all schedulers have them. */
export const TRAINING = {
  numTrainTimesteps: integer(1000, 2, 100_000),
  betaStart: real(0.0001, 0, 0.999),
  betaEnd: real(0.02, 0, 0.999),
  betaSchedule: oneOf("linear", ["linear", "scaled_linear", "squaredcos_cap_v2"]),
  trainedBetas: only(null),
};

/** The option that makes the last training step pure noise: Lin et al. 2023, arXiv:2305.08891. */
export const ZERO_SNR = { rescaleBetasZeroSnr: flag(false) };

export type Training = ConfigOf<typeof TRAINING> & Partial<ConfigOf<typeof ZERO_SNR>>;

/**
 * What is wrong with betas of which no noise levels can be made: in float32 each training step must leave less of the picture than
 * the one before it, and the last one something.
 */
export function impossibleBetas(c: Training): { option: keyof typeof TRAINING; detail: string } | undefined {
  const cumprod = cumulativeProduct(betas(c).map((beta) => 1 - beta));
  if (!(cumprod.at(-1)! > 0)) {
    return { option: "betaEnd", detail: "is too large: nothing of the picture is left at the last training step" };
  }
  const still = cumprod.findIndex((alpha, i) => !(alpha < (cumprod[i - 1] ?? 1)));
  if (still < 0) return undefined;
  const option = still < c.numTrainTimesteps / 2 ? "betaStart" : "betaEnd";
  return { option, detail: `is too small: training step ${still} adds no noise to the step before it` };
}

/** The product of all alphas up to each training step, falling from nearly 1 (to 0 with rescaleBetasZeroSnr). */
export function alphasCumprod(c: Training): Float32Array {
  const cumprod = cumulativeProduct(betas(c).map((beta) => 1 - beta));
  return c.rescaleBetasZeroSnr ? rescaleToZeroSnr(cumprod) : cumprod;
}

/** As `alphasCumprod`, for schedulers that divide by it: instead of 0 the last one is 2^-24, as in diffusers. */
export function positiveAlphasCumprod(c: Training): Float32Array {
  const cumprod = alphasCumprod(c);
  if (c.rescaleBetasZeroSnr) cumprod[cumprod.length - 1] = 2 ** -24;
  return cumprod;
}

function betas({ numTrainTimesteps, betaStart, betaEnd, betaSchedule }: Training): Float32Array {
  switch (betaSchedule) {
    case "linear":
      return linspace(betaStart, betaEnd, numTrainTimesteps);
    case "scaled_linear":
      return linspace(Math.sqrt(betaStart), Math.sqrt(betaEnd), numTrainTimesteps).map((root) => root * root);
    case "squaredcos_cap_v2":
      return cosineBetas(numTrainTimesteps);
  }
}

/** PyTorch's linspace: from both ends towards the middle, in float32. */
function linspace(start: number, end: number, count: number): Float32Array {
  const step = Math.fround((Math.fround(end) - Math.fround(start)) / (count - 1));
  return Float32Array.from({ length: count }, (_, i) =>
    i < count / 2 ? Math.fround(start) + step * i : Math.fround(end) - step * (count - 1 - i),
  );
}

/** The cosine schedule of Nichol and Dhariwal 2021, arXiv:2102.09672, equation 17. */
function cosineBetas(count: number): Float32Array {
  const alphaBar = (t: number) => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  return Float32Array.from({ length: count }, (_, i) =>
    Math.min(1 - alphaBar((i + 1) / count) / alphaBar(i / count), 0.999),
  );
}

/** Running in float64, kept in float32, as PyTorch does. */
function cumulativeProduct(alphas: Float32Array): Float32Array {
  let product = 1;
  return alphas.map((alpha) => {
    product *= alpha;
    return product;
  });
}

/** arXiv:2305.08891, algorithm 1: shifts and scales the square roots so that the last is 0 and the first stays. */
function rescaleToZeroSnr(cumprod: Float32Array): Float32Array {
  const roots = cumprod.map(Math.sqrt);
  const first = roots[0]!;
  const last = roots.at(-1)!;
  const factor = Math.fround(first / Math.fround(first - last));
  const squares = roots.map((root) => Math.fround(Math.fround(root - last) * factor) ** 2);
  // By way of the alphas and back, as diffusers goes.
  return cumulativeProduct(
    squares.map((square, i) => 1 - Math.fround(1 - (i === 0 ? square : square / squares[i - 1]!))),
  );
}
