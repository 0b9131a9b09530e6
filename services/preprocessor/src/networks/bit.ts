import { add, type FeatureMap, groupNorm, maxPoolHalf, relu, type Scope, standardizedConv2d } from "@armature/graph";
import type { BitConfig, BitStage } from "./bit-config.js";

const NORM_EPSILON = 1e-5;
const WEIGHT_EPSILON = 1e-8;

/** BiT, a residual network with group norm and standardised weights (arXiv:1912.11370): (B, 3, H, W) → each stage's output. */
export function bit(g: Scope, pixels: FeatureMap, c: BitConfig): FeatureMap[] {
  const stem = conv(g.at("embedder.convolution"), pixels, c.stemChannels, { kernel: 7, stride: 2 });
  let h = relu(groupNorm(g.at("embedder.norm"), stem, c.normGroups, NORM_EPSILON)); // (B, 64, H/2, W/2)
  h = maxPoolHalf(h); //                                                              (B, 64, H/4, W/4)
  return c.stages.map((stage, i) => {
    for (let j = 0; j < stage.layers; j++) {
      const options = { isFirst: j === 0, stride: i > 0 && j === 0 ? 2 : 1, groups: c.normGroups };
      h = bottleneck(g.at("encoder.stages", i, "layers", j), h, stage, options);
    }
    return h; // (B, 256, H/4, W/4), (B, 512, H/8, W/8), (B, 1024, H/16, W/16)
  });
}

interface BottleneckOptions {
  /** The first of a stage changes the channels, so its shortcut is a convolution too. */
  isFirst: boolean;
  stride: number;
  groups: number;
}

/** A 3x3 convolution on fewer channels, between two 1x1 ones, around a shortcut. */
function bottleneck(
  g: Scope,
  x: FeatureMap,
  { channels, inner }: BitStage,
  { isFirst, stride, groups }: BottleneckOptions,
): FeatureMap {
  const norm = (name: string, h: FeatureMap) => groupNorm(g.at(name), h, groups, NORM_EPSILON);
  let h = relu(norm("norm1", conv(g.at("conv1"), x, inner, { kernel: 1 })));
  h = relu(norm("norm2", conv(g.at("conv2"), h, inner, { kernel: 3, stride })));
  h = norm("norm3", conv(g.at("conv3"), h, channels, { kernel: 1 }));
  if (!isFirst) return relu(add(h, x));
  const shortcut = conv(g.at("downsample.conv"), x, channels, { kernel: 1, stride });
  return relu(add(h, norm("downsample.norm", shortcut)));
}

function conv(g: Scope, x: FeatureMap, out: number, options: { kernel: number; stride?: number }): FeatureMap {
  return standardizedConv2d(g, x, out, { ...options, epsilon: WEIGHT_EPSILON });
}
