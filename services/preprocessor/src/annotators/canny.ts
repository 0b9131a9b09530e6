/** The annotator of edges. */
import { z } from "zod";
import { canny as detectEdges } from "../canny/canny.js";
import { defineAnnotator } from "./annotator.js";
import { queryValue } from "./query-value.js";
import { atResolutions, resolutionOptions } from "./resolution.js";

const threshold = z.number().min(0).max(1_000_000);

const options = z.strictObject({
  low_threshold: queryValue(threshold.default(100)).describe(
    "Gradient above which a pixel that touches an edge belongs to it. The lower of the two thresholds counts as this one",
  ),
  high_threshold: queryValue(threshold.default(200)).describe("Gradient above which a pixel starts an edge"),
  l2_gradient: queryValue(z.boolean().default(false)).describe(
    "Measure gradients by their Euclidean length, which is more exact, instead of |dx| + |dy|",
  ),
  aperture: queryValue(z.literal([3, 5, 7]).default(3)).describe(
    "Side of the Sobel kernel; a larger one gives larger gradients, which want larger thresholds",
  ),
  ...resolutionOptions,
});

/** OpenCV's Canny, with the thresholds of controlnet_aux's CannyDetector. */
export const canny = defineAnnotator({
  ids: { canny: { description: "White edges on black, by Canny's detector" } },
  options,
  run: (image, { low_threshold, high_threshold, l2_gradient, aperture, ...resolutions }) =>
    atResolutions(image, resolutions, (analysed) =>
      detectEdges(analysed, {
        lowThreshold: low_threshold,
        highThreshold: high_threshold,
        l2Gradient: l2_gradient,
        aperture,
      }),
    ),
});
