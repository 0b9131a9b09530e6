/** The depth networks of transformers' DPTForDepthEstimation, as annotators use them. */
import { depthNetwork } from "./depth-network.js";
import { dptModel } from "./dpt.js";
import { readDptConfig } from "./dpt-config.js";

export const dptDepth = depthNetwork({
  family: "DPT",
  architecture: "DPTForDepthEstimation",
  preferred: "depth-dpt-tiny",
  example: "Intel/dpt-hybrid-midas",
  readConfig(config) {
    const dpt = readDptConfig(config);
    return { patch: dpt.vit.patch, write: (weights, profile) => dptModel(weights, dpt, profile) };
  },
});
