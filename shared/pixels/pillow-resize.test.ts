import { expect, test } from "vitest";
import { fixtureJson } from "../../testing/golden.js";
import { expectSamePixels, readPng } from "../../testing/picture.js";
import { type PillowFilter, pillowResize } from "./pillow-resize.js";

interface Case {
  file: string;
  call: string;
  image: string;
  filter: PillowFilter;
}

const { cases } = fixtureJson<{ cases: Case[] }>("preprocess/pixels/index.json");

test.each(cases.filter(({ call }) => call === "pillow"))(
  "$file has Pillow's pixels",
  async ({ file, image, filter }) => {
    const golden = await readPng(file);
    expectSamePixels(pillowResize(await readPng(image), golden, filter), golden);
  },
);

test("a picture that keeps its size is a copy", () => {
  const image = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1 };
  const copy = pillowResize(image, { width: 2, height: 1 }, "lanczos");
  expect(copy).toEqual(image);
  expect(copy.data).not.toBe(image.data);
});
