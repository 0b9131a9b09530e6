/** The depth network of LiheYoung/depth-anything-small-hf at full size, with synthetic weights, in transformers' layout. */
import { join } from "node:path";
import { NETWORKS } from "@armature/preprocessor/networks/index";
import { ModelConfig } from "@armature/weights";
import { wantedTensors, writeSyntheticModel } from "./synthetic-weights.js";

/** The config.json of the model. */
export const DEPTH_ANYTHING_CONFIG = {
  architectures: ["DepthAnythingForDepthEstimation"],
  model_type: "depth_anything",
  backbone_config: {
    model_type: "dinov2",
    hidden_size: 384,
    image_size: 518,
    num_attention_heads: 6,
    out_features: ["stage9", "stage10", "stage11", "stage12"],
    patch_size: 14,
    reshape_hidden_states: false,
  },
  fusion_hidden_size: 64,
  head_hidden_size: 32,
  head_in_index: -1,
  neck_hidden_sizes: [48, 96, 192, 384],
  patch_size: 14,
  reassemble_factors: [4, 2, 1, 0.5],
  reassemble_hidden_size: 384,
};

/** Writes the folder `depth-anything-small` under `work`, and gives its path. */
export async function writeDepthAnything(work: string): Promise<string> {
  const folder = join(work, "depth-anything-small");
  const config = DEPTH_ANYTHING_CONFIG;
  const networks = NETWORKS.depth_anything.map(({ open }) => open(new ModelConfig(folder, { ...config })));
  await writeSyntheticModel(folder, "model.safetensors", config, wantedTensors(networks));
  return folder;
}
