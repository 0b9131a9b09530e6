/** Depth Anything: a DINOv2 backbone with the neck and head of a dense prediction transformer. */
import {
  add,
  conv2d,
  defineNetwork,
  type FeatureMap,
  fromTokens,
  product,
  relu,
  resizeBilinear,
  type Scope,
} from "@armature/graph";
import { type DepthAnythingConfig, readDepthAnythingConfig } from "./depth-anything-config.js";
import { pixelValues, predictedDepth } from "./depth-ports.js";
import { dinov2 } from "./dinov2.js";
import { reassembled, residualUnit } from "./neck.js";

/** Pictures whose sides are multiples of the patch → inverse depth [B, H, W]. */
export const depthAnythingNetwork = defineNetwork({
  name: "DepthAnything",
  read: readDepthAnythingConfig,
  inputs: ({ backbone: { patch } }: DepthAnythingConfig) => ({
    pixel_values: pixelValues(patch),
  }),
  outputs: "caller",
  write(g, { pixel_values: pixels }, c) {
    return { predicted_depth: predictedDepth(depthAnything(g, pixels, c)) };
  },
  // the mask token serves the backbone's training; the coarsest fusion has nothing to merge
  ignore: [/^backbone\.embeddings\.mask_token$/, /^neck\.fusion_stage\.layers\.0\.residual_layer1\./],
  typicalSide: ({ backbone }) => backbone.grid,
});

/** Depth Anything (arXiv:2401.10891): pixels (B, 3, H, W) → inverse depth (B, 1, H, W). */
export function depthAnything(g: Scope, pixels: FeatureMap, c: DepthAnythingConfig): FeatureMap {
  const { patches, taps } = dinov2(g.at("backbone"), pixels, c.backbone);
  const features = taps.map((tokens, i) => {
    const map = reassembled(g.at("neck.reassemble_stage.layers", i), fromTokens(tokens, patches), c.stages[i]!);
    return conv2d(g.at("neck.convs", i), map, c.fusionChannels, { bias: false });
  }); // finest first: 4, 2, 1 and 1/2 times as high and wide as the patches
  return depthHead(g.at("head"), fuse(g.at("neck.fusion_stage.layers"), features, c), pixels, c);
}

/** Fuses the feature maps, from the coarsest to the finest: each adds its detail to what came before, which takes the size of the next. */
function fuse(g: Scope, features: FeatureMap[], c: DepthAnythingConfig): FeatureMap {
  const coarseFirst = features.toReversed();
  return coarseFirst.reduce((fused: FeatureMap | undefined, feature, i) => {
    const layer = g.at(i);
    const merged = fused ? add(fused, residualUnit(layer.at("residual_layer1"), feature)) : feature;
    const h = residualUnit(layer.at("residual_layer2"), merged);
    const { height, width } = coarseFirst[i + 1] ?? { height: product(2, h.height), width: product(2, h.width) };
    // the reference projects after the enlargement; the weights of an interpolation sum to 1, so that projecting before it is the same
    const projected = conv2d(layer.at("projection"), h, c.fusionChannels, { kernel: 1 });
    return resizeBilinear(projected, height, width, "align_corners");
  }, undefined)!;
}

/** Enlarged to the pixels' own size between its first two convolutions. */
function depthHead(g: Scope, x: FeatureMap, pixels: FeatureMap, c: DepthAnythingConfig): FeatureMap {
  const half = conv2d(g.at("conv1"), x, Math.floor(c.fusionChannels / 2));
  const h = resizeBilinear(half, pixels.height, pixels.width, "align_corners");
  return relu(conv2d(g.at("conv3"), relu(conv2d(g.at("conv2"), h, c.headChannels)), 1, { kernel: 1 }));
}
