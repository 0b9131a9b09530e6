/** What the necks of dense prediction share (arXiv:2103.13413): feature maps in stages of several sizes, then fused. */
import { add, conv2d, enlarge, type FeatureMap, relu, type Scope } from "@armature/graph";
import type { ModelConfig } from "@armature/weights";
import { unfit } from "./unfit.js";

/** One of the feature maps that the fusion takes, finest first. */
export interface NeckStage {
  channels: number;
  /** Size of the feature map, in patches of the transformer. */
  factor: number;
}

/** The sizes of the stages in a config.json. */
export function readFactors(config: ModelConfig): number[] {
  const factors = config.numbers("reassemble_factors", 4, [4, 2, 1, 0.5]);
  if (factors.every((factor) => factor > 0 && (Number.isInteger(factor) || Number.isInteger(1 / factor)))) {
    return factors;
  }
  throw unfit(config, "reassemble_factors", `[${factors}]`, "whole numbers, or one divided by such, were expected");
}

/** A map of patches in the size and the channels of its stage. */
export function reassembled(g: Scope, patches: FeatureMap, { channels, factor }: NeckStage): FeatureMap {
  const x = conv2d(g.at("projection"), patches, channels, { kernel: 1 });
  if (factor > 1) return enlarge(g.at("resize"), x, channels, factor);
  if (factor < 1) return conv2d(g.at("resize"), x, channels, { stride: 1 / factor });
  return x;
}

/** Two convolutions around a shortcut, as the fusion has them. */
export function residualUnit(g: Scope, x: FeatureMap, options: { bias?: boolean } = {}): FeatureMap {
  const h = conv2d(g.at("convolution1"), relu(x), x.channels, options);
  return add(conv2d(g.at("convolution2"), relu(h), x.channels, options), x);
}
