/** Vision transformer: the encoder and the embeddings that DPT and DINOv2 share. */
import {
  add,
  addValues,
  attention,
  cast,
  concat,
  conv2d,
  type FeatureMap,
  gelu,
  inComputeType,
  layerNorm,
  linear,
  prependToken,
  product,
  reshape,
  resize,
  type Scope,
  slice,
  type Tokens,
  tokensOf,
  toTokens,
  transpose,
} from "@armature/graph";
import type { VitConfig } from "./vit-config.js";

/** The encoder of a vision transformer (arXiv:2010.11929): tokens (B, S, D) → the outputs of its layers, lowest first. */
export function vitEncoder(g: Scope, tokens: Tokens, c: VitConfig): Tokens[] {
  let h = tokens;
  return Array.from({ length: c.layers }, (_, i) => {
    h = encoderLayer(g.at("layer", i), h, c);
    return h;
  });
}

function encoderLayer(g: Scope, x: Tokens, c: VitConfig): Tokens {
  const h = add(selfAttention(g.at("attention"), layerNorm(g.at("layernorm_before"), x, c.epsilon), c), x);
  const normal = layerNorm(g.at("layernorm_after"), h, c.epsilon);
  return add(feedForward({ inner: g.at("intermediate.dense"), outer: g.at("output.dense") }, normal, c), h);
}

/** Attention of all tokens to each other, in transformers' layout: (B, S, D) → (B, S, D). */
export function selfAttention(g: Scope, x: Tokens, c: VitConfig): Tokens {
  const project = (name: string) => linear(g.at("attention", name), x, c.width, { bias: c.qkvBias });
  const [query, key, value] = [project("query"), project("key"), project("value")];
  return linear(g.at("output.dense"), attention({ query, key, value }, { heads: c.heads }), c.width);
}

/** Two linear layers, token by token: (B, S, D) → (B, S, D). */
export function feedForward({ inner, outer }: { inner: Scope; outer: Scope }, x: Tokens, c: VitConfig): Tokens {
  const hidden = linear(inner, x, c.mlpWidth);
  return linear(outer, tokensOf(hidden, gelu(hidden.value)), c.width);
}

/** How position embeddings are enlarged. */
type Interpolation = "linear" | "cubic";

/** Patches (B, D, H, W) as tokens (B, 1 + H*W, D): the class token goes in front, and each token learns its place. */
export function embedTokens(g: Scope, patches: FeatureMap, c: VitConfig, mode: Interpolation): Tokens {
  const tokens = prependToken(g.weight("cls_token", [1, 1, c.width]), toTokens(patches));
  const sequence = reshape(tokens.value, [tokens.batch, tokens.length, c.width]);
  const placed = addValues(sequence, positions(g, patches, c, mode)); // [B, 1 + H*W, D]
  return tokensOf(tokens, reshape(placed, [-1, c.width]));
}

/**
 * The position embeddings [1, 1 + H*W, D], interpolated from the trained grid to H x W. In float32: where sizes are known the
 * runtime computes them once, when it loads the graph, and it has no float16 kernel for that.
 */
function positions(g: Scope, { height, width }: FeatureMap, { grid, width: channels }: VitConfig, mode: Interpolation) {
  const count = grid * grid;
  const table = cast(g.storedWeight("position_embeddings", [1, 1 + count, channels]), "float32");
  const ofClass = slice(table, 1, 0, 1);
  const square = reshape(slice(table, 1, 1, 1 + count), [1, grid, grid, channels]);
  const resized = resize(transpose(square, [0, 3, 1, 2]), height, width, { mode, coordinates: "half_pixel" });
  const ofPatches = reshape(transpose(resized, [0, 2, 3, 1]), [1, product(height, width), channels]);
  return inComputeType(concat([ofClass, ofPatches], 1));
}

/** Cuts pixels (B, 3, H, W) into patches of D channels each: (B, D, H/patch, W/patch). */
export function patchEmbeddings(g: Scope, pixels: FeatureMap, { patch, width }: VitConfig): FeatureMap {
  return conv2d(g, pixels, width, { kernel: patch, stride: patch, padding: [0, 0, 0, 0] });
}
