import { depthAnythingDepth } from "../depth/depth-anything-depth.js";
import { depthAnnotator } from "./depth-annotator.js";

/** Relative depth by Depth Anything: arXiv:2401.10891. */
export const depthAnything = depthAnnotator({
  ids: { depth_anything: { description: "Relative depth, near is bright, by Depth Anything" } },
  depth: depthAnythingDepth,
});
