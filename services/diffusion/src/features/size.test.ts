/** How a picture decides the size of a request that gives none. */
import { expect, test } from "vitest";
import { completeSize } from "./size.js";

const open = { side: 512, most: 1024 * 1024 };
const kept = (width: number, height: number) => {
  const size = completeSize(open, { width, height }, "kept");
  return `${size.width}x${size.height}`;
};

test("a size that is given stays, and without a picture it is the model's own", () => {
  const given = { width: 64, height: 128 };
  expect(completeSize(given, { width: 700, height: 700 }, "kept")).toBe(given);
  expect(completeSize(open)).toEqual({ width: 512, height: 512 });
});

test("a picture that gives its shape leaves the number of pixels", () => {
  expect(completeSize(open, { width: 2000, height: 1000 }, "shape")).toEqual({ width: 728, height: 360 });
});

test.each([
  [100, 70, "96x64"],
  [768, 513, "768x512"],
  [4000, 3000, "1176x880"],
  [2048, 512, "2048x512"],
  [40, 30, "80x64"],
  [100_000, 10, "16384x64"],
])("a picture of %dx%d that keeps its size makes %s", (width, height, size) => {
  expect(kept(width, height)).toBe(size);
});
