/** Config of a dense prediction transformer for depth. */
import type { ModelConfig } from "@armature/weights";
import { type BitConfig, readBitConfig } from "./bit-config.js";
import { type NeckStage, readFactors } from "./neck.js";
import { TRANSFORMERS_KEYS } from "./transformers-keys.js";
import { unfit } from "./unfit.js";
import { readVitConfig, type VitConfig } from "./vit-config.js";

export interface DptConfig {
  vit: VitConfig;
  /** The convolutional backbone below the transformer, where there is one. */
  bit?: BitConfig;
  /** The layers of the transformer whose outputs the neck takes, lowest first. */
  taps: number[];
  stages: NeckStage[];
  fusionChannels: number;
  fusionBias: boolean;
}

/** The feature maps that a hybrid's neck takes from the backbone instead of the transformer. */
export const HYBRID_STAGES = 2;

/** DPTForDepthEstimation's config.json as our own. */
export function readDptConfig(config: ModelConfig): DptConfig {
  config.ignore(
    ...TRANSFORMERS_KEYS,
    ...["attention_probs_dropout_prob", "hidden_dropout_prob", "backbone_kwargs", "pooler_act", "pooler_output_size"],
    // of the segmentation head
    ...["auxiliary_loss_weight", "semantic_classifier_dropout", "semantic_loss_ignore_index", "use_auxiliary_head"],
  );
  config.require({
    add_projection: false,
    backbone: null,
    head_in_index: -1,
    hidden_act: "gelu",
    num_channels: 3,
    readout_type: "project",
    use_batch_norm_in_fusion_residual: false,
    use_autobackbone: false,
    use_pretrained_backbone: false,
    use_timm_backbone: false,
  });
  const vit = readVitConfig(config, {
    epsilon: 1e-12,
    patch: 16,
    side: 384,
    mlpWidth: () => config.integer("intermediate_size", 3072),
  });
  const bit = readBackbone(config);
  const dpt: DptConfig = {
    vit,
    ...(bit && { bit }),
    taps: readTaps(config, vit.layers, bit !== undefined),
    stages: readStages(config, bit),
    fusionChannels: config.integer("fusion_hidden_size", 256),
    fusionBias: config.boolean("use_bias_in_fusion_residual", true),
  };
  config.done();
  return dpt;
}

function readBackbone(config: ModelConfig): BitConfig | undefined {
  if (!config.boolean("is_hybrid", false)) {
    config.require({ backbone_config: null });
    config.ignore("backbone_featmap_shape", "neck_ignore_stages");
    return undefined;
  }
  const bit = readBitConfig(config.section("backbone_config"));
  config.require({ neck_ignore_stages: [0, 1], patch_size: bit.stride });
  const shape = config.numbers("backbone_featmap_shape", 4, [1, 1024, 24, 24]);
  const top = bit.stages.at(-1)!.channels;
  if (shape[1] !== top) {
    throw unfit(config, "backbone_featmap_shape", `[${shape}]`, `the backbone's last stage has ${top} channels`);
  }
  return bit;
}

/** The tapped layers, from the lowest up: the reference takes the config for a set, and hands them on in this order. */
function readTaps(config: ModelConfig, layers: number, isHybrid: boolean): number[] {
  const indices = config.numbers("backbone_out_indices", 4, [2, 5, 8, 11]);
  const taps = [...new Set(isHybrid ? indices.slice(HYBRID_STAGES) : indices)].sort((a, b) => a - b);
  const wanted = indices.length - (isHybrid ? HYBRID_STAGES : 0);
  if (taps.length === wanted && taps.every((i) => Number.isInteger(i) && i >= 0 && i < layers)) return taps;
  throw unfit(config, "backbone_out_indices", `[${indices}]`, `different layers from 0 to ${layers - 1} were expected`);
}

function readStages(config: ModelConfig, bit: BitConfig | undefined): NeckStage[] {
  const channels = config.numbers("neck_hidden_sizes", 4, [96, 192, 384, 768]);
  const factors = readFactors(config);
  if (!channels.every((size) => Number.isInteger(size) && size > 0)) {
    throw unfit(config, "neck_hidden_sizes", `[${channels}]`, "positive whole numbers were expected");
  }
  for (const [i, { channels: given }] of (bit?.stages ?? []).slice(0, HYBRID_STAGES).entries()) {
    if (channels[i] !== given) {
      throw unfit(config, "neck_hidden_sizes", `[${channels}]`, `stage ${i + 1} of the backbone has ${given} channels`);
    }
  }
  return channels.map((size, i) => ({ channels: size, factor: factors[i]! }));
}
