import { dptDepth } from "../depth/dpt-depth.js";
import { depthAnnotator } from "./depth-annotator.js";

/** Relative depth by a DPT network: arXiv:2103.13413. */
export const depthMidas = depthAnnotator({
  ids: { depth_midas: { description: "Relative depth, near is bright, by a dense prediction transformer" } },
  depth: dptDepth,
});
