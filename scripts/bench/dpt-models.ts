/** The depth networks of Intel/dpt-large and Intel/dpt-hybrid-midas at full size, with synthetic weights, in transformers' layout. */
import { join } from "node:path";
import { NETWORKS } from "@armature/preprocessor/networks/index";
import { ModelConfig } from "@armature/weights";
import { wantedTensors, writeSyntheticModel } from "./synthetic-weights.js";

const BOTH = {
  architectures: ["DPTForDepthEstimation"],
  model_type: "dpt",
  hidden_act: "gelu",
  image_size: 384,
  patch_size: 16,
  qkv_bias: true,
  readout_type: "project",
  fusion_hidden_size: 256,
};

const LARGE = {
  ...BOTH,
  hidden_size: 1024,
  intermediate_size: 4096,
  num_attention_heads: 16,
  num_hidden_layers: 24,
  backbone_out_indices: [5, 11, 17, 23],
  neck_hidden_sizes: [256, 512, 1024, 1024],
  reassemble_factors: [4, 2, 1, 0.5],
};

const HYBRID = {
  ...BOTH,
  is_hybrid: true,
  hidden_size: 768,
  intermediate_size: 3072,
  num_attention_heads: 12,
  num_hidden_layers: 12,
  backbone_out_indices: [2, 5, 8, 11],
  neck_hidden_sizes: [256, 512, 768, 768],
  reassemble_factors: [1, 1, 1, 0.5],
  neck_ignore_stages: [0, 1],
  backbone_featmap_shape: [1, 1024, 24, 24],
  backbone_config: {
    model_type: "bit",
    depths: [3, 4, 9],
    embedding_dynamic_padding: true,
    embedding_size: 64,
    global_padding: "same",
    hidden_act: "relu",
    hidden_sizes: [256, 512, 1024, 2048],
    layer_type: "bottleneck",
    num_channels: 3,
    num_groups: 32,
    out_features: ["stage1", "stage2", "stage3"],
    output_stride: 32,
    width_factor: 1,
  },
};

/** The two config.json files. */
export const DPT_CONFIGS = { large: LARGE, hybrid: HYBRID };

/** The folders `dpt-large` and `dpt-hybrid-midas` under `work`. */
export async function writeDptModels(work: string): Promise<{ depth: string; hybrid: string }> {
  const [depth, hybrid] = [join(work, "dpt-large"), join(work, "dpt-hybrid-midas")];
  await write(depth, LARGE);
  await write(hybrid, HYBRID);
  return { depth, hybrid };
}

async function write(folder: string, config: Record<string, unknown>): Promise<void> {
  const networks = NETWORKS.depth.map(({ open }) => open(new ModelConfig(folder, config)));
  await writeSyntheticModel(folder, "model.safetensors", config, wantedTensors(networks));
}
