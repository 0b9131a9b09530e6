import {
  add,
  cast,
  conv2d,
  defineNetwork,
  enlarge,
  type FeatureMap,
  fromTokens,
  picturePort,
  product,
  relu,
  reshape,
  resizeBilinear,
  type Scope,
} from "@armature/graph";
import { type DepthAnythingConfig, readDepthAnythingConfig } from "./depth-anything-config.js";
import { dinov2 } from "./dinov2.js";

/** Pictures whose sides are multiples of the patch → inverse depth [B, H, W]. */
export const depthAnythingNetwork = defineNetwork({
  name: "DepthAnything",
  read: readDepthAnythingConfig,
  inputs: ({ backbone: { patch } }: DepthAnythingConfig) => ({
    pixel_values: picturePort(["B", 3, product(patch, "H"), product(patch, "W")]),
  }),
  outputs: "caller",
  write(g, { pixel_values: pixels }, c) {
    const { value, batch, height, width } = depthAnything(g, pixels, c);
    return { predicted_depth: cast(reshape(value, [batch, height, width]), "float32") };
  },
  // the mask token serves the backbone's training; the coarsest fusion has nothing to merge
  ignore: [/^backbone\.embeddings\.mask_token$/, /^neck\.fusion_stage\.layers\.0\.residual_layer1\./],
  typicalSide: ({ backbone }) => backbone.grid,
});

/** Depth Anything (arXiv:2401.10891): pixels (B, 3, H, W) → inverse depth (B, 1, H, W). */
export function depthAnything(g: Scope, pixels: FeatureMap, c: DepthAnythingConfig): FeatureMap {
  const { patches, taps } = dinov2(g.at("backbone"), pixels, c.backbone);
  const features = taps.map((tokens, i) => {
    const map = reassemble(g.at("neck.reassemble_stage.layers", i), fromTokens(tokens, patches), c, i);
    return conv2d(g.at("neck.convs", i), map, c.fusionChannels, { bias: false });
  }); // finest first: 4, 2, 1 and 1/2 times as high and wide as the patches
  return depthHead(g.at("head"), fuse(g.at("neck.fusion_stage.layers"), features, c), pixels, c);
}

/** A tapped layer's map in the size and the channels of its stage. */
function reassemble(g: Scope, map: FeatureMap, { neckChannels, factors }: DepthAnythingConfig, i: number): FeatureMap {
  const [channels, factor] = [neckChannels[i]!, factors[i]!];
  const x = conv2d(g.at("projection"), map, channels, { kernel: 1 });
  if (factor > 1) return enlarge(g.at("resize"), x, channels, factor);
  if (factor < 1) return conv2d(g.at("resize"), x, channels, { stride: 1 / factor });
  return x;
}

/** From the coarsest feature map to the finest: each adds its detail to what came before, which takes the size of the next. */
function fuse(g: Scope, features: FeatureMap[], c: DepthAnythingConfig): FeatureMap {
  const coarseFirst = features.toReversed();
  return coarseFirst.reduce((fused: FeatureMap | undefined, feature, i) => {
    const layer = g.at(i);
    const merged = fused ? add(fused, residualUnit(layer.at("residual_layer1"), feature, c)) : feature;
    const h = residualUnit(layer.at("residual_layer2"), merged, c);
    const { height, width } = coarseFirst[i + 1] ?? { height: product(2, h.height), width: product(2, h.width) };
    // the reference projects after the enlargement; the weights of an interpolation sum to 1, so that before it is the same
    const projected = conv2d(layer.at("projection"), h, c.fusionChannels, { kernel: 1 });
    return resizeBilinear(projected, height, width, "align_corners");
  }, undefined)!;
}

function residualUnit(g: Scope, x: FeatureMap, { fusionChannels }: DepthAnythingConfig): FeatureMap {
  const h = conv2d(g.at("convolution1"), relu(x), fusionChannels);
  return add(conv2d(g.at("convolution2"), relu(h), fusionChannels), x);
}

/** Enlarged to the pixels' own size between its first two convolutions. */
function depthHead(g: Scope, x: FeatureMap, pixels: FeatureMap, c: DepthAnythingConfig): FeatureMap {
  const half = conv2d(g.at("conv1"), x, Math.floor(c.fusionChannels / 2));
  const h = resizeBilinear(half, pixels.height, pixels.width, "align_corners");
  return relu(conv2d(g.at("conv3"), relu(conv2d(g.at("conv2"), h, c.headChannels)), 1, { kernel: 1 }));
}
