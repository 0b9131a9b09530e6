/** Annotators that only tests serve: two ids that a preset tells apart, and one with a network. */
import type { RgbImage } from "@armature/pixels";
import { z } from "zod";
import { defineAnnotator } from "../annotators/annotator.js";
import { queryValue } from "../annotators/query-value.js";
import { dptDepth } from "../depth/dpt-depth.js";
import { toPixelValues } from "../depth/dpt-image-processor.js";

const toyThreshold = defineAnnotator({
  ids: {
    toy_bright: { description: "White where red is strong", preset: { invert: false } },
    toy_dark: { description: "White where red is weak", preset: { invert: true } },
  },
  options: z.strictObject({
    level: queryValue(z.int().min(1).max(255).default(128)).describe("Least red that counts as strong"),
    invert: queryValue(z.boolean().default(false)).describe("Swap black and white"),
  }),
  run: (image, { level, invert }) => plain(image, (red) => red >= level !== invert),
});

const toyRelief = defineAnnotator({
  ids: { toy_relief: { description: "White where the depth is not flat, black otherwise" } },
  options: z.strictObject({}),
  networks: { depth: dptDepth },
  async run(image, _options, { depth }) {
    const { data } = await depth.predict(toPixelValues(image, depth.imageProcessor));
    return plain(image, () => data.some((value) => value !== data[0]));
  },
});

export const TOY_PROCESSORS = [toyThreshold, toyRelief].flat();

function plain({ data, width, height }: RgbImage, isWhite: (red: number) => boolean) {
  return {
    data: Uint8Array.from({ length: width * height }, (_, i) => (isWhite(data[3 * i]!) ? 255 : 0)),
    width,
    height,
  };
}
