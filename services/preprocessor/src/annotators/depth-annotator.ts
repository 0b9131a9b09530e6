/** What all processors of relative depth do alike; they differ by their network. */
import { z } from "zod";
import type { DepthNetwork } from "../depth/depth-network.js";
import { depthPicture } from "../depth/depth-picture.js";
import { toPixelValues } from "../depth/dpt-image-processor.js";
import type { AnnotatorNetwork } from "../networks/annotator-network.js";
import { type AnnotatorDefinition, defineAnnotator } from "./annotator.js";
import { atResolutions, resolutionOptions } from "./resolution.js";

interface DepthAnnotator {
  ids: AnnotatorDefinition<z.ZodObject<typeof resolutionOptions>, { depth: AnnotatorNetwork<DepthNetwork> }>["ids"];
  depth: AnnotatorNetwork<DepthNetwork>;
}

/** A picture's depth as a control image: the bright is near. */
export const depthAnnotator = ({ ids, depth }: DepthAnnotator) =>
  defineAnnotator({
    ids,
    options: z.strictObject(resolutionOptions),
    networks: { depth },
    run: (image, resolutions, { depth }) =>
      atResolutions(image, resolutions, async (analysed) =>
        depthPicture(await depth.predict(toPixelValues(analysed, depth.imageProcessor)), analysed),
      ),
  });
