import { InvalidModel } from "@armature/core";
import type { ModelConfig } from "@armature/weights";
import { type Dinov2Config, readDinov2Config } from "./dinov2-config.js";
import { TRANSFORMERS_KEYS } from "./transformers-keys.js";

export interface DepthAnythingConfig {
  backbone: Dinov2Config;
  /** Channels of the feature maps that the neck makes of the backbone's, finest first. */
  neckChannels: number[];
  /** Their sizes, in patches of the backbone. */
  factors: number[];
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
    neckChannels: config.integers("neck_hidden_sizes", [48, 96, 192, 384]),
    factors: readFactors(config),
    fusionChannels: config.integer("fusion_hidden_size", 64),
    headChannels: config.integer("head_hidden_size", 32),
  };
  if (depth.neckChannels.length !== backbone.taps.length) {
    throw unfit(config, "neck_hidden_sizes", depth.neckChannels.length, `the backbone gives ${backbone.taps.length}`);
  }
  config.done();
  return depth;
}

function readFactors(config: ModelConfig): number[] {
  const factors = config.numbers("reassemble_factors", 4, [4, 2, 1, 0.5]);
  if (factors.every((factor) => factor > 0 && (Number.isInteger(factor) || Number.isInteger(1 / factor))))
    return factors;
  throw unfit(config, "reassemble_factors", `[${factors}]`, "whole numbers, or one divided by such, were expected");
}

function expectSame(config: ModelConfig, key: string, value: number, wanted: number): void {
  if (value !== wanted) throw unfit(config, key, value, `the backbone's is ${wanted}`);
}

function unfit(config: ModelConfig, key: string, value: unknown, why: string): InvalidModel {
  return new InvalidModel(`${config.file}: ${key} is ${value}; ${why}`);
}
