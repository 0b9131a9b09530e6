/** The depth networks of transformers' DPTForDepthEstimation, as annotators use them. */

import { dptNetwork } from "../networks/dpt.js";
import { depthNetwork } from "./depth-network.js";

export const dptDepth = depthNetwork({
  family: "DPT",
  architecture: "DPTForDepthEstimation",
  preferred: "depth-dpt-tiny",
  example: "Intel/dpt-hybrid-midas",
  network: dptNetwork,
  patchOf: ({ vit }) => vit.patch,
});
