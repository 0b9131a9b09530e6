/** The depth networks of transformers' DepthAnythingForDepthEstimation, as annotators use them. */
import { depthAnythingNetwork } from "../networks/depth-anything.js";
import { depthNetwork } from "./depth-network.js";

export const depthAnythingDepth = depthNetwork({
  family: "Depth Anything",
  architecture: "DepthAnythingForDepthEstimation",
  example: "LiheYoung/depth-anything-small-hf",
  network: depthAnythingNetwork,
  patchOf: ({ backbone }) => backbone.patch,
});
