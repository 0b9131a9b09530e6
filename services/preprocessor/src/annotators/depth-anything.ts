import { z } from "zod";
import { depthPicture } from "../depth/depth-picture.js";
import { toPixelValues } from "../depth/dpt-image-processor.js";
import { depthAnythingDepth } from "../networks/depth-anything.js";
import { defineAnnotator } from "./annotator.js";
import { atResolutions, resolutionOptions } from "./resolution.js";

/** Relative depth by Depth Anything: arXiv:2401.10891. */
export const depthAnything = defineAnnotator({
  ids: { depth_anything: { description: "Relative depth, near is bright, by Depth Anything" } },
  options: z.strictObject(resolutionOptions),
  networks: { depth: depthAnythingDepth },
  run: (image, resolutions, { depth }) =>
    atResolutions(image, resolutions, async (analysed) =>
      depthPicture(await depth.predict(toPixelValues(analysed, depth.imageProcessor)), analysed),
    ),
});
