/** The tables that schedules are made of, against numbers known from elsewhere. */
import { fileURLToPath } from "node:url";
import { readTensors } from "@armature/weights";
import { expect, test } from "vitest";
import { alphasCumprod, positiveAlphasCumprod, type Training } from "./alphas.js";
import { karrasSigmas, sigmaAt, timestepOfSigma, trainingSigmas } from "./sigmas.js";
import {
  roundHalfToEven,
  type Spacing,
  spacedTimesteps,
  wholeTimesteps,
  wholeTimestepsBeforeLast,
} from "./timesteps.js";

const SD: Training = {
  numTrainTimesteps: 1000,
  betaStart: 0.00085,
  betaEnd: 0.012,
  betaSchedule: "scaled_linear",
  trainedBetas: null,
};

test("the products of the alphas equal PyTorch's to a unit in the last place", () => {
  const file = fileURLToPath(new URL("../../../../fixtures/schedulers/_inputs.safetensors", import.meta.url));
  const wanted = readTensors(file).get("alphas_cumprod")!.data as Float32Array;
  const worst = alphasCumprod(SD).reduce((most, value, i) => Math.max(most, Math.abs(value / wanted[i]! - 1)), 0);
  expect(worst).toBeLessThan(2e-7);
});

test("the linear schedule is DDPM's: arXiv:2006.11239, section 4", () => {
  const alphas = alphasCumprod({ ...SD, betaSchedule: "linear", betaStart: 1e-4, betaEnd: 0.02 });
  expect(alphas[0]).toBeCloseTo(0.9999, 7);
  expect(alphas[1]! / alphas[0]!).toBeCloseTo(1 - (1e-4 + 0.0199 / 999), 6);
  expect(alphas[999]! / alphas[998]!).toBeCloseTo(0.98, 5);
});

test("the cosine schedule ends with the largest beta that is allowed", () => {
  const alphas = alphasCumprod({ ...SD, betaSchedule: "squaredcos_cap_v2" });
  expect(alphas[499]).toBeCloseTo(Math.cos(((0.5 + 0.008) / 1.008) * (Math.PI / 2)) ** 2, 3);
  expect(alphas[999]! / alphas[998]!).toBeCloseTo(0.001, 5);
});

test("zero terminal SNR leaves the first alpha and makes the last one zero, or 2^-24 for those that divide by it", () => {
  const zeroSnr = { ...SD, rescaleBetasZeroSnr: true };
  expect(alphasCumprod(zeroSnr)[0]).toBeCloseTo(alphasCumprod(SD)[0]!, 6);
  expect(alphasCumprod(zeroSnr)[999]).toBe(0);
  expect(positiveAlphasCumprod(zeroSnr)[999]).toBe(2 ** -24);
  expect(positiveAlphasCumprod(SD)[999]).toBe(alphasCumprod(SD)[999]);
});

test("sigmas are interpolated between training steps, and a sigma finds its timestep again", () => {
  const train = trainingSigmas(alphasCumprod(SD));
  expect(train[999]).toBeCloseTo(14.6146, 4);
  expect(sigmaAt(train, 10.25)).toBeCloseTo(0.75 * train[10]! + 0.25 * train[11]!, 7);
  expect(sigmaAt(train, 999)).toBe(train[999]);
  expect(timestepOfSigma(train, train[321]!)).toBeCloseTo(321, 6);
  expect(timestepOfSigma(train, Math.sqrt(train[321]! * train[322]!))).toBeCloseTo(321.5, 6);
  expect(timestepOfSigma(train, 1e-9)).toBe(0);
  expect(timestepOfSigma(train, 100)).toBe(999);
});

test("Karras sigmas run from the largest to the smallest, evenly in their seventh roots", () => {
  const sigmas = karrasSigmas(14, 0.03, 3);
  expect(sigmas[0]).toBeCloseTo(14, 10);
  expect(sigmas[1]).toBeCloseTo(((14 ** (1 / 7) + 0.03 ** (1 / 7)) / 2) ** 7, 10);
  expect(sigmas[2]).toBeCloseTo(0.03, 10);
});

const spacing = (timestepSpacing: Spacing["timestepSpacing"], stepsOffset = 0): Spacing => ({
  timestepSpacing,
  stepsOffset,
  numTrainTimesteps: 1000,
});

test("the spacings are those of arXiv:2305.08891, table 2", () => {
  expect(wholeTimesteps(spacing("leading", 1), 4)).toEqual([751, 501, 251, 1]);
  expect(wholeTimesteps(spacing("linspace"), 4)).toEqual([999, 666, 333, 0]);
  expect(wholeTimesteps(spacing("trailing"), 4)).toEqual([999, 749, 499, 249]);
  expect(spacedTimesteps(spacing("linspace"), 5)).toEqual([999, 749.25, 499.5, 249.75, 0]);
  expect(wholeTimestepsBeforeLast(spacing("leading", 1), 4)).toEqual([801, 601, 401, 201]);
  expect(wholeTimestepsBeforeLast(spacing("linspace"), 4)).toEqual([999, 749, 500, 250]);
  expect(wholeTimestepsBeforeLast({ ...spacing("linspace"), limit: 801 }, 4)).toEqual([800, 600, 400, 200]);
});

test("any number of steps gives that many timesteps, falling, within the training steps", () => {
  for (const kind of ["leading", "linspace", "trailing"] as const) {
    for (let count = 1; count < 1000; count++) {
      for (const timesteps of [wholeTimesteps(spacing(kind), count), wholeTimestepsBeforeLast(spacing(kind), count)]) {
        const falling = timesteps.every((t, i) => i === 0 || t < timesteps[i - 1]!);
        if (timesteps.length !== count || !falling || timesteps[0]! > 999 || timesteps.at(-1)! < 0) {
          expect.fail(`${kind}, ${count} steps: ${timesteps}`);
        }
      }
    }
  }
});

test("halves are rounded to the even neighbour, as NumPy does", () => {
  expect([0.5, 1.5, 2.5, 2.4999, 2.5001, 812.5, 937.5].map(roundHalfToEven)).toEqual([0, 2, 2, 2, 3, 812, 938]);
});
