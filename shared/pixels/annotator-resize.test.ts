import { expect, test } from "vitest";
import { fixtureJson } from "../../testing/golden.js";
import { expectSamePixels, readRgb } from "../../testing/picture.js";
import { annotatorResize, annotatorSize } from "./annotator-resize.js";

interface Case {
  file: string;
  call: string;
  image: string;
  resolution: number;
}

const { cases } = fixtureJson<{ cases: Case[] }>("preprocess/index.json");

test.each(cases.filter(({ call }) => call === "resize_image"))("$file equals controlnet_aux", async (golden) => {
  const resized = annotatorResize(await readRgb(golden.image), golden.resolution);
  expectSamePixels(resized, await readRgb(golden.file));
});

test("sides are the nearest multiples of 64, halves the even one, and never nothing", () => {
  expect(annotatorSize({ width: 600, height: 400 }, 512)).toEqual({ width: 768, height: 512 });
  expect(annotatorSize({ width: 320, height: 320 }, 160)).toEqual({ width: 128, height: 128 });
  expect(annotatorSize({ width: 400, height: 10 }, 10)).toEqual({ width: 384, height: 64 });
});
