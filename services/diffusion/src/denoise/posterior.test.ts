/** What is drawn of an encoded picture, beside diffusers': fixtures/components/vae-*. */
import { TorchGenerator } from "@armature/core";
import { expect, test } from "vitest";
import { fixtureJson, goldens, relativeError } from "../../../../testing/golden.js";
import { posteriorOf, samplePosterior } from "./posterior.js";

/** fixtures/README: float32 against float64 differs by 2e-6 of the maximum at worst. */
const TOLERANCE = 2e-5;

const moments = (mean: Float32Array, logVariance: Float32Array) => Float32Array.from([...mean, ...logVariance]);

test.each(["sd15-random", "sd21-random"])("a draw of %s's posterior equals diffusers'", (name) => {
  const golden = goldens(`components/vae-${name}.safetensors`);
  const { cases } = fixtureJson<{ cases: { key: string; generator_seed: number }[] }>(`components/vae-${name}.json`);
  for (const { key, generator_seed: seed } of cases) {
    const [mean, logVariance] = [golden(`${key}.mean`).data, golden(`${key}.logvar`).data];
    const posterior = posteriorOf(moments(mean, logVariance), 1);
    expect(relativeError(posterior.deviation, golden(`${key}.std`).data), key).toBeLessThan(TOLERANCE);
    const generator = new TorchGenerator(seed);
    const sample = samplePosterior(posterior, 1, (count) => generator.randn(count));
    expect(relativeError(sample, golden(`${key}.sample`).data), key).toBeLessThan(TOLERANCE);
  }
});

test("each picture to make has a draw of its own, and latents are scaled once", () => {
  const posterior = posteriorOf(moments(Float32Array.of(2, 4), Float32Array.of(0, 2 * Math.log(3))), 0.5);
  const draws = Float32Array.of(0, 0, 1, -1);
  const latents = samplePosterior(posterior, 2, (count) => draws.subarray(0, count));
  const wanted = [1, 2, 1 + 0.5, 2 - 1.5];
  for (const [i, value] of wanted.entries()) expect(latents[i]).toBeCloseTo(value, 6);
});

test("a variance beyond all bounds stays finite", () => {
  const { deviation } = posteriorOf(moments(new Float32Array(2), Float32Array.of(1e4, -1e4)), 1);
  expect(deviation[0]).toBeCloseTo(Math.exp(10), 1);
  expect(deviation[1]).toBeCloseTo(Math.exp(-15), 12);
});
