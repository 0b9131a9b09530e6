/** Config of BiT, the convolutional backbone of DPT-hybrid. */
import { InvalidModel } from "@armature/core";
import type { ModelConfig } from "@armature/weights";
import { TRANSFORMERS_KEYS } from "./transformers-keys.js";

export interface BitConfig {
  stemChannels: number;
  /** Finest first. */
  stages: BitStage[];
  normGroups: number;
  /** Pixels that a cell of the last stage spans. */
  stride: number;
}

export interface BitStage {
  channels: number;
  /** Channels inside its bottlenecks. */
  inner: number;
  layers: number;
}

/** The number of stages that DPT-hybrid stands on. */
const STAGES = 3;

/** BitBackbone's part of a config.json as our own, as DPT-hybrid uses it: three stages, each of which is an output. */
export function readBitConfig(config: ModelConfig): BitConfig {
  config.ignore(...TRANSFORMERS_KEYS, "drop_path_rate", "out_indices", "stage_names");
  const depths = config.integers("depths", [3, 4, 9]);
  const sizes = config.integers("hidden_sizes", [256, 512, 1024, 2048]);
  config.oneOf("global_padding", ["same", "SAME"]);
  config.require({
    hidden_act: "relu",
    num_channels: 3,
    out_features: ["stage1", "stage2", "stage3"],
    output_stride: 32,
    width_factor: 1,
  });
  config.oneOf("layer_type", ["bottleneck"]);
  if (!config.boolean("embedding_dynamic_padding")) {
    throw new InvalidModel(`${config.file}: embedding_dynamic_padding is false; true is supported`);
  }
  if (depths.length !== STAGES || sizes.length < STAGES) {
    throw new InvalidModel(
      `${config.file}: depths has ${depths.length} stages, hidden_sizes ${sizes.length}; 3 are supported`,
    );
  }
  const bit: BitConfig = {
    stemChannels: config.integer("embedding_size", 64),
    stages: depths.map((layers, i) => {
      const channels = toMultipleOf8(sizes[i]!);
      return { channels, inner: toMultipleOf8(channels / 4), layers };
    }),
    normGroups: config.count("num_groups", 32),
    stride: 2 ** (STAGES + 1),
  };
  config.done();
  return bit;
}

/** The nearest multiple of 8, or the next one where that is more than a tenth too small. */
function toMultipleOf8(size: number): number {
  const nearest = Math.max(8, Math.floor((size + 4) / 8) * 8);
  return nearest < 0.9 * size ? nearest + 8 : nearest;
}
