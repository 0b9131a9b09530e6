import { expect, test } from "vitest";
import { fixtureJson, relativeError } from "../../testing/golden.js";
import type { PictureSize } from "./grey-image.js";
import { type InterpolateOptions, torchInterpolate } from "./torch-interpolate.js";

interface Case extends PictureSize {
  values: number[];
  mode: InterpolateOptions["mode"];
  align_corners: boolean;
  to: PictureSize;
  result: number[];
}

/** PyTorch sums small bilinear results in another order than large ones, and this file's are small. */
const BILINEAR_TOLERANCE = 2e-7;

const { cases } = fixtureJson<{ cases: Case[] }>("preprocess/pixels/interpolate.json");

test.each(cases)("$mode, align_corners $align_corners, to $to equals PyTorch", (golden) => {
  const map = { data: Float32Array.from(golden.values), width: golden.width, height: golden.height };
  const { mode, align_corners: alignCorners } = golden;
  const { data, width, height } = torchInterpolate(map, golden.to, { mode, alignCorners });
  expect({ width, height }).toEqual(golden.to);
  if (mode === "bicubic") expect(data).toEqual(Float32Array.from(golden.result));
  else expect(relativeError(data, golden.result)).toBeLessThan(BILINEAR_TOLERANCE);
});
