import { expect, test } from "vitest";
import { allFinite } from "./finite.js";

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("%d is found wherever it is", (value) => {
  for (const at of [0, 500, 999]) {
    const values = new Float32Array(1000).fill(-1.5);
    values[at] = value;
    expect(allFinite(values)).toBe(false);
  }
});

test("the largest and the smallest numbers are finite, and so is nothing", () => {
  expect(allFinite(Float32Array.of(3.4e38, -3.4e38, 1e-45, 0, -0))).toBe(true);
  expect(allFinite(new Float32Array())).toBe(true);
});
