import { z } from "zod";
import { depthPicture } from "../depth/depth-picture.js";
import { toPixelValues } from "../depth/dpt-image-processor.js";
import type { Processor } from "./processor.js";
import { atResolutions, resolutionOptions } from "./resolution.js";

const options = z.strictObject(resolutionOptions);

/** Relative depth by a DPT network (arXiv:2103.13413), which the engine holds. */
export const depthMidas: Processor<typeof options> = {
  id: "depth_midas",
  description: "Relative depth, near is bright, by a dense prediction transformer",
  options,
  needs: ["depth"],
  run: (image, resolutions, context) =>
    atResolutions(image, resolutions, async (analysed) => {
      const model = await context.depth();
      return depthPicture(await model.predict(toPixelValues(analysed, model.imageProcessor)), analysed);
    }),
};
