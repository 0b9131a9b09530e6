import { TorchGenerator } from "@armature/core";

/** Draws the next values, for all pictures: [N, 4, h, w] flat. The only source of chance. */
export type NoiseSource = (count: number) => Float32Array;

/**
 * Each picture draws from a generator of its own, as diffusers does with a list of generators: picture i of a batch is the same as
 * when it is made alone with its seed.
 */
export function seededNoise(seeds: readonly number[]): NoiseSource {
  const generators = seeds.map((seed) => new TorchGenerator(seed));
  return (count) => {
    const all = new Float32Array(count);
    const each = count / generators.length;
    for (const [i, generator] of generators.entries()) all.set(generator.randn(each), i * each);
    return all;
  };
}
