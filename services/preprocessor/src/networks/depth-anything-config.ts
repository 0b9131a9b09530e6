/** Config of a Depth Anything network. */
import type { ModelConfig } from "@armature/weights";
import { type Dinov2Config, readDinov2Config } from "./dinov2-config.js";
import { type NeckStage, readFactors } from "./neck.js";
import { TRANSFORMERS_KEYS } from "./transformers-keys.js";
import { unfit } from "./unfit.js";

export interface DepthAnythingConfig {
  backbone: Dinov2Config;
  stages: NeckStage[];
  fusionChannels: number;
  headChannels: number;
}

/** DepthAnythingForDepthEstimation's config.json as our own. */
export function readDepthAnythingConfig(config: ModelConfig): DepthAnythingConfig {
  config.ignore(...TRANSFORMERS_KEYS, "backbone_kwargs", "max_depth"); // a factor, which a relative depth does not show
  config.require({
    backbone: null,
    depth_estimation_type: "relative",
    head_in_index: -1,
    use_pretrained_backbone: false,
    use_timm_backbone: false,
  });
  const backbone = readDinov2Config(config.section("backbone_config"));
  expectSame(config, "patch_size", config.integer("patch_size", 14), backbone.patch);
  expectSame(config, "reassemble_hidden_size", config.integer("reassemble_hidden_size", 384), backbone.width);
  const depth = {
    backbone,
    stages: readStages(config, backbone.taps.length),
    fusionChannels: config.integer("fusion_hidden_size", 64),
    headChannels: config.integer("head_hidden_size", 32),
  };
  config.done();
  return depth;
}

function readStages(config: ModelConfig, count: number): NeckStage[] {
  const channels = config.integers("neck_hidden_sizes", [48, 96, 192, 384]);
  if (channels.length !== count) {
    throw unfit(config, "neck_hidden_sizes", `[${channels}]`, `the backbone gives ${count} feature maps`);
  }
  return readFactors(config).map((factor, i) => ({ channels: channels[i]!, factor }));
}

function expectSame(config: ModelConfig, key: string, value: number, wanted: number): void {
  if (value !== wanted) throw unfit(config, key, value, `the backbone's is ${wanted}`);
}
