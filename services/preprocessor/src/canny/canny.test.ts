import { expect, test } from "vitest";
import { fixtureJson } from "../../../../testing/golden.js";
import { expectSamePixels, readGrey, readPng, readRgb } from "../../../../testing/picture.js";
import { canny } from "./canny.js";
import type { Aperture } from "./sobel.js";

interface Case {
  file: string;
  call: string;
  image: string;
  thresholds: [number, number];
  apertureSize?: Aperture;
  L2gradient?: boolean;
}

const options = ({ thresholds: [lowThreshold, highThreshold], apertureSize = 3, L2gradient = false }: Case) => {
  return { lowThreshold, highThreshold, aperture: apertureSize, l2Gradient: L2gradient };
};

const photos = fixtureJson<{ cases: Case[] }>("preprocess/index.json").cases;
const small = fixtureJson<{ cases: Case[] }>("preprocess/pixels/index.json").cases;

test.each(photos.filter(({ call }) => call === "cv2.Canny(rgb)"))("$file has OpenCV's pixels", async (golden) => {
  expectSamePixels(canny(await readRgb(golden.image), options(golden)), await readGrey(golden.file));
});

test.each(small.filter(({ call }) => call === "canny"))("$file has OpenCV's pixels", async (golden) => {
  expectSamePixels(canny(await readPng(golden.image), options(golden)), await readGrey(golden.file));
});

test.each(photos.filter(({ call }) => call.includes("COLOR_RGB2GRAY")))("$file has OpenCV's pixels", async (golden) => {
  const { data, width, height } = await readRgb(golden.image);
  const grey = Uint8Array.from({ length: width * height }, (_, i) =>
    luma(data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!),
  );
  expectSamePixels(canny({ data: grey, width, height }, options(golden)), await readGrey(golden.file));
});

/** cv2.COLOR_RGB2GRAY: Rec. 601 weights with 15 bits. */
function luma(red: number, green: number, blue: number): number {
  return (red * 9798 + green * 19235 + blue * 3735 + 16384) >> 15;
}

test("a plane of any size has no edges", () => {
  for (const [width, height] of [
    [1, 1],
    [1, 9],
    [9, 1],
    [5, 4],
  ] as const) {
    const data = new Uint8Array(width * height * 3).fill(77);
    const { data: edges } = canny(
      { data, width, height },
      { lowThreshold: 0, highThreshold: 0, aperture: 7, l2Gradient: false },
    );
    expect([...edges]).toEqual(Array(width * height).fill(0));
  }
});
