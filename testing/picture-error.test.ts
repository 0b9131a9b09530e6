import type { RgbImage } from "@armature/pixels";
import { expect, test } from "vitest";
import { correlation, psnr, ssim } from "./picture-error.js";

const WIDTH = 24;
const HEIGHT = 16;

const grey = (level: (x: number, y: number) => number): RgbImage => ({
  width: WIDTH,
  height: HEIGHT,
  data: Uint8Array.from({ length: 3 * WIDTH * HEIGHT }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return level(pixel % WIDTH, Math.floor(pixel / WIDTH));
  }),
});

const waves = grey((x, y) => 128 + 60 * Math.sin(x / 2) * Math.cos(y / 3));

test("equal pictures are infinitely near and wholly similar", () => {
  expect(psnr(waves, waves)).toBe(Number.POSITIVE_INFINITY);
  expect(ssim(waves, waves)).toBeCloseTo(1, 12);
});

test("a difference of one level everywhere is 48.13 dB", () => {
  expect(
    psnr(
      grey(() => 100),
      grey(() => 101),
    ),
  ).toBeCloseTo(48.13, 2);
});

test("plain greys are similar by their means alone", () => {
  const [a, b, c1] = [100, 120, 6.5025];
  expect(
    ssim(
      grey(() => a),
      grey(() => b),
    ),
  ).toBeCloseTo((2 * a * b + c1) / (a * a + b * b + c1), 9);
});

test("a negative has the opposite structure, and what a picture is compared with makes no difference", () => {
  const negative = { ...waves, data: waves.data.map((value) => 255 - value) };
  expect(ssim(waves, negative)).toBeLessThan(-0.5);
  const brighter = { ...waves, data: waves.data.map((value) => Math.min(255, value + 10)) };
  expect(ssim(waves, brighter)).toBeCloseTo(ssim(brighter, waves), 12);
  expect(ssim(waves, brighter)).toBeGreaterThan(0.9);
});

test("similarity does not depend on which side is which way", () => {
  const turn = ({ data, width, height }: RgbImage): RgbImage => ({
    width: height,
    height: width,
    data: Uint8Array.from(data, (_, i) => {
      const pixel = Math.floor(i / 3);
      return data[3 * ((pixel % height) * width + Math.floor(pixel / height))]!;
    }),
  });
  const other = grey((x, y) => 128 + 60 * Math.sin(x / 2 + y / 9) * Math.cos(y / 3));
  expect(ssim(turn(waves), turn(other))).toBeCloseTo(ssim(waves, other), 9);
});

test("correlation knows neither offset nor scale", () => {
  expect(correlation([1, 2, 4], [12, 14, 18])).toBeCloseTo(1, 12);
  expect(correlation([1, 2, 4], [-1, -2, -4])).toBeCloseTo(-1, 12);
  expect(correlation([1, 0, -1, 0], [0, 1, 0, -1])).toBeCloseTo(0, 12);
});
