import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readTensors } from "@armature/weights";
import { expect, test } from "vitest";
import { TorchGenerator } from "./torch-generator.js";

/** PyTorch computes logarithm, sine and cosine in vectorised float32, we in float64: see fixtures/rng, measured 1.5e-6. */
const RANDN_ATOL = 5e-6;

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/rng/torch_cpu_randn.${name}`, import.meta.url));
const CASES = JSON.parse(readFileSync(fixture("json"), "utf8")) as {
  seeds: string[];
  shapes: number[][];
  mixed_sizes: number[];
  randn_tensor: { shape: number[]; single_seed: string; list_seeds: string[] };
};
const goldens = readTensors(fixture("safetensors"));
const golden = (name: string) => goldens.get(name)!.data as Float32Array;
const product = (shape: number[]) => shape.reduce((a, b) => a * b, 1);

function expectClose(found: Float32Array, name: string, atol: number): void {
  const wanted = golden(name);
  expect(found.length, name).toBe(wanted.length);
  const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
  expect(worst, name).toBeLessThanOrEqual(atol);
}

test.each(CASES.seeds)("seed %s gives PyTorch's normal values for every shape, twice in a row", (seed) => {
  for (const shape of CASES.shapes) {
    const generator = new TorchGenerator(BigInt(seed));
    for (const draw of ["first", "second"]) {
      expectClose(generator.randn(product(shape)), `seed${seed}.${shape.join("x")}.${draw}`, RANDN_ATOL);
    }
  }
});

test.each(CASES.seeds)("seed %s: few and many values can be drawn in turn from one generator", (seed) => {
  const generator = new TorchGenerator(BigInt(seed));
  for (const [i, size] of CASES.mixed_sizes.entries()) {
    expectClose(generator.randn(size), `seed${seed}.mixed_${i}_${size}`, RANDN_ATOL);
  }
});

test.each(CASES.seeds)("seed %s gives PyTorch's uniform values, bit for bit", (seed) => {
  expectClose(new TorchGenerator(BigInt(seed)).rand(20), `seed${seed}.rand_20`, 0);
});

test("a batch from one generator, and one from a generator an image, equal diffusers' randn_tensor", () => {
  const { shape, single_seed, list_seeds } = CASES.randn_tensor;
  expectClose(new TorchGenerator(BigInt(single_seed)).randn(product(shape)), "randn_tensor.single", RANDN_ATOL);
  const generators = list_seeds.map((seed) => new TorchGenerator(BigInt(seed)));
  for (const draw of ["first", "second"]) {
    const images = generators.map((generator) => [...generator.randn(product(shape.slice(1)))]);
    expectClose(Float32Array.from(images.flat()), `randn_tensor.list.${draw}`, RANDN_ATOL);
  }
});

test("only the low 32 bits of a seed count", () => {
  const draws = (seed: number | bigint) => new TorchGenerator(seed).randn(20);
  expect(draws(2 ** 32 + 42)).toEqual(draws(42));
  expect(draws(-1)).toEqual(draws(0xffffffffn));
  expect(draws(43)).not.toEqual(draws(42));
});

test("a seed that is no whole number is refused", () => {
  expect(() => new TorchGenerator(0.5)).toThrow(RangeError);
});
