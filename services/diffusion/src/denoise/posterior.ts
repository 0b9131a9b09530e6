/** What the VAE's encoder says of a picture: a normal distribution over its latents, arXiv:1312.6114. */
import type { Latents } from "../schedulers/latents.js";
import type { NoiseSource } from "./noise.js";

/** Of one picture, [C, h, w] each, as the UNet sees latents. */
export interface Posterior {
  mean: Latents;
  deviation: Latents;
}

/** The reference keeps the logarithm of the variance in these bounds. */
const LOG_VARIANCE = { least: -30, most: 20 };

/** `moments`: the encoder's output for one picture, mean and then log variance. */
export function posteriorOf(moments: Float32Array, scalingFactor: number): Posterior {
  const size = moments.length / 2;
  const { least, most } = LOG_VARIANCE;
  return {
    mean: moments.slice(0, size).map((value) => value * scalingFactor),
    deviation: moments
      .slice(size)
      .map((logVariance) => Math.exp(Math.min(Math.max(logVariance, least), most) / 2) * scalingFactor),
  };
}

/** Latents of the picture for each of `count` pictures to make, each with a draw of its own: [N, C, h, w]. */
export function samplePosterior({ mean, deviation }: Posterior, count: number, noise: NoiseSource): Latents {
  const size = mean.length;
  return noise(count * size).map((draw, i) => mean[i % size]! + deviation[i % size]! * draw);
}
