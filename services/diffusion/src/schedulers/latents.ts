/** Arithmetic on latents: flat arrays over the whole batch, [B, C, H, W], float32. */

export type Latents = Float32Array;

/** A sum of scaled latents as a new array: `combine(a, x, b, y)` is a·x + b·y. Scalars and sums are float64. */
export function combine(...terms: (number | Latents)[]): Latents {
  const scales = terms.filter((term) => typeof term === "number");
  const parts = terms.filter((term) => typeof term !== "number");
  const sum = new Float32Array(parts[0]!.length);
  for (let i = 0; i < sum.length; i++) {
    let value = 0;
    for (let k = 0; k < parts.length; k++) value += scales[k]! * parts[k]![i]!;
    sum[i] = value;
  }
  return sum;
}

/** Latents times a number, as a new array. */
export const scale = (factor: number, x: Latents): Latents => combine(factor, x);

/** Latents with the share of noise that a level says. */
export const addNoise = (
  original: Latents,
  noise: Latents,
  { alpha, sigma }: { alpha: number; sigma: number },
): Latents => combine(alpha, original, sigma, noise);

/** Latents with each value brought into -limit to limit, as a new array. */
export const clamp = (x: Latents, limit: number): Latents => x.map((value) => Math.min(Math.max(value, -limit), limit));
