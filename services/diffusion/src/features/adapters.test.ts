/** What an answer shows of the pictures that adapters steer by. */
import { afterEach, expect, test, vi } from "vitest";
import { adaptersOf, controlImagesOf } from "./adapters.js";
import { image } from "./image.js";
import type { ResolvedRequest } from "./index.js";

const control = {
  ...{ type: "depth", net: "controlnet-depth", options: {}, conditioningScale: 1, start: 0, end: 1 },
  ...{ guessMode: false, conditionalOnly: false },
};
const annotation = { processor: "depth_midas", options: {}, place: "/controlnets/0/preprocessor" };
const request = {
  controls: [
    { ...control, processor: "depth_midas" },
    { ...control, type: "canny", processor: "none" },
  ],
  pictures: [
    { place: "/image", source: "a", size: "kept" },
    { place: "/controlnets/0/image", source: "b", size: "shape", annotation },
    { place: "/controlnets/1/image", source: "c", size: "kept" },
  ],
} as unknown as ResolvedRequest;

afterEach(() => {
  delete image.adapters;
});

test("a control image is one of each adapter, with what made it", () => {
  expect(controlImagesOf(request)).toEqual([
    { type: "depth", preprocessor: "depth_midas", place: "/controlnets/0/image" },
    { type: "canny", preprocessor: "none", place: "/controlnets/1/image" },
  ]);
});

test("an adapter that another feature brings has one, too, in the order of the features", () => {
  const [also] = adaptersOf(request);
  image.adapters = vi.fn(() => [{ ...also!, type: "sketch", picture: "/image" }]);
  expect(controlImagesOf(request).map(({ type, place }) => `${type} ${place}`)).toEqual([
    "sketch /image",
    "depth /controlnets/0/image",
    "canny /controlnets/1/image",
  ]);
});
