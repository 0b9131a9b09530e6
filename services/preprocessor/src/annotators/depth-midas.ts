import { z } from "zod";
import { depthPicture } from "../depth/depth-picture.js";
import { toPixelValues } from "../depth/dpt-image-processor.js";
import { dptDepth } from "../networks/dpt-depth.js";
import { defineAnnotator } from "./annotator.js";
import { atResolutions, resolutionOptions } from "./resolution.js";

/** Relative depth by a DPT network: arXiv:2103.13413. */
export const depthMidas = defineAnnotator({
  ids: { depth_midas: { description: "Relative depth, near is bright, by a dense prediction transformer" } },
  options: z.strictObject(resolutionOptions),
  networks: { depth: dptDepth },
  run: (image, resolutions, { depth }) =>
    atResolutions(image, resolutions, async (analysed) =>
      depthPicture(await depth.predict(toPixelValues(analysed, depth.imageProcessor)), analysed),
    ),
});
