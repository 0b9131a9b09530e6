/** Dense prediction transformer: backbone, neck, fusion and head. */
import {
  add,
  concat,
  conv2d,
  defineNetwork,
  expand,
  type FeatureMap,
  fromTokens,
  gelu,
  linear,
  product,
  relu,
  reshape,
  resizeBilinear,
  type Scope,
  splitFirstToken,
  type Tokens,
  tokensOf,
} from "@armature/graph";
import { bit } from "./bit.js";
import { pixelValues, predictedDepth } from "./depth-ports.js";
import { type DptConfig, HYBRID_STAGES, readDptConfig } from "./dpt-config.js";
import { type NeckStage, reassembled, residualUnit } from "./neck.js";
import { embedTokens, patchEmbeddings, vitEncoder } from "./vit.js";

/** Channels before the last convolution of the head: a constant of the architecture. */
const HEAD_CHANNELS = 32;

/** Pictures whose sides are multiples of the patch → inverse depth [B, H, W]; an odd number of patches gives more pixels. */
export const dptNetwork = defineNetwork({
  name: "DPT",
  label: "depth",
  read: readDptConfig,
  inputs: ({ vit: { patch } }: DptConfig) => ({
    pixel_values: pixelValues(patch),
  }),
  outputs: "caller",
  write(g, { pixel_values: pixels }, c) {
    return { predicted_depth: predictedDepth(dpt(g, pixels, c)) };
  },
  // the transformer's last norm and pooler serve other tasks; the coarsest fusion has nothing to merge
  ignore: [/^dpt\.layernorm\./, /^dpt\.pooler\./, /^neck\.fusion_stage\.layers\.0\.residual_layer1\./],
  typicalSide: ({ vit }) => vit.grid,
});

/** A dense prediction transformer for depth (arXiv:2103.13413): pixels (B, 3, H, W) → inverse depth (B, 1, H, W). */
export function dpt(g: Scope, pixels: FeatureMap, c: DptConfig): FeatureMap {
  const features = neckFeatures(g, pixels, c);
  const convs = features.map((x, i) => conv2d(g.at("neck.convs", i), x, c.fusionChannels, { bias: false }));
  return depthHead(g.at("head.head"), fuse(g.at("neck.fusion_stage"), convs, c));
}

/** Four feature maps, finest first: of the transformer's layers; in a hybrid, the finer two of the backbone's stages. */
function neckFeatures(g: Scope, pixels: FeatureMap, c: DptConfig): FeatureMap[] {
  const embeddings = g.at("dpt.embeddings");
  const stages = c.bit ? bit(embeddings.at("backbone.bit"), pixels, c.bit) : [];
  const top = stages.at(-1);
  const patches = top
    ? conv2d(embeddings.at("projection"), top, c.vit.width, { kernel: 1 })
    : patchEmbeddings(embeddings.at("patch_embeddings.projection"), pixels, c.vit); // (B, D, H/16, W/16)
  const layers = vitEncoder(g.at("dpt.encoder"), embedTokens(embeddings, patches, c.vit, "linear"), c.vit);
  const fromBackbone = stages.slice(0, HYBRID_STAGES);
  const reassembled = c.taps.map((layer, i) => {
    const at = fromBackbone.length + i;
    return reassemble(g.at("neck.reassemble_stage"), at, { tokens: layers[layer]!, patches, stage: c.stages[at]! });
  });
  return [...fromBackbone, ...reassembled];
}

interface Tap {
  tokens: Tokens; // (B, 1 + S, D)
  patches: FeatureMap;
  stage: NeckStage;
}

/** Tokens as a feature map of the stage's own size. */
function reassemble(g: Scope, i: number, { tokens, patches, stage }: Tap): FeatureMap {
  const map = fromTokens(readout(g.at("readout_projects", i, 0), tokens, patches), patches);
  return reassembled(g.at("layers", i), map, stage);
}

/** Lets each patch's token read the class token, which then goes away: (B, 1 + S, D) → (B, S, D). */
function readout(g: Scope, tokens: Tokens, patches: FeatureMap): Tokens {
  const { batch, width } = tokens;
  const { first, others } = splitFirstToken(tokens, { length: product(patches.height, patches.width) });
  const sequence = [batch, others.length, width];
  const pairs = concat([reshape(others.value, sequence), expand(first, sequence)], 2); // [B, S, 2D]
  const projected = linear(g, tokensOf(others, reshape(pairs, [-1, 2 * width])), width);
  return tokensOf(projected, gelu(projected.value));
}

/** Fuses the feature maps, from the coarsest to the finest: each adds its detail to what came before, which is then doubled in size. */
function fuse(g: Scope, features: FeatureMap[], c: DptConfig): FeatureMap {
  const unit = (at: Scope, x: FeatureMap) => residualUnit(at, x, { bias: c.fusionBias });
  return features.toReversed().reduce((fused: FeatureMap | undefined, feature, i) => {
    const layer = g.at("layers", i);
    const merged = fused ? add(fused, unit(layer.at("residual_layer1"), sizedLike(feature, fused))) : feature;
    const h = unit(layer.at("residual_layer2"), merged);
    // the reference projects after the enlargement; the weights of an interpolation sum to 1, so that projecting before it is the same
    return doubled(conv2d(layer.at("projection"), h, c.fusionChannels, { kernel: 1 }));
  }, undefined)!;
}

/** An odd number of patches, halved and doubled again, is one more than it was. */
function sizedLike(x: FeatureMap, like: FeatureMap): FeatureMap {
  if (x.height === like.height && x.width === like.width) return x;
  return resizeBilinear(x, like.height, like.width, "half_pixel");
}

function doubled(x: FeatureMap): FeatureMap {
  return resizeBilinear(x, product(2, x.height), product(2, x.width), "align_corners");
}

function depthHead(g: Scope, x: FeatureMap): FeatureMap {
  const h = doubled(conv2d(g.at(0), x, Math.floor(x.channels / 2))); // (B, 128, H, W)
  const depth = conv2d(g.at(4), relu(conv2d(g.at(2), h, HEAD_CHANNELS)), 1, { kernel: 1 });
  return relu(depth);
}
