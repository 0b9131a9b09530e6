import { expect, test } from "vitest";
import { fixtureJson } from "../../testing/golden.js";
import { expectSamePixels, readPng } from "../../testing/picture.js";
import { type OpenCvInterpolation, openCvResize } from "./opencv-resize.js";

interface Case {
  file: string;
  call: string;
  image: string;
  interpolation: OpenCvInterpolation;
}

const { cases } = fixtureJson<{ cases: Case[] }>("preprocess/pixels/index.json");

/** Sizes that cover halves, other whole factors, any factors, growth, one side growing and the other shrinking, and equal sizes. */
test.each(cases.filter(({ call }) => call === "opencv"))("$file has OpenCV's pixels", async (golden) => {
  const wanted = await readPng(golden.file);
  expectSamePixels(openCvResize(await readPng(golden.image), wanted, golden.interpolation), wanted);
});

test("one pixel grows into a plane of its colour", () => {
  const pixel = { data: Uint8Array.of(10, 20, 30), width: 1, height: 1 };
  for (const by of ["area", "linear", "lanczos4"] as const) {
    const { data } = openCvResize(pixel, { width: 2, height: 2 }, by);
    expect([...data], by).toEqual([10, 20, 30, 10, 20, 30, 10, 20, 30, 10, 20, 30]);
  }
});
