import {
  add,
  addValues,
  attention,
  cast,
  concat,
  type Dim,
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
  type Value,
} from "@armature/graph";
import type { VitConfig } from "./dpt-config.js";

/** The encoder of a vision transformer (arXiv:2010.11929): tokens (B, S, D) → the outputs of its layers, lowest first. */
export function vitEncoder(g: Scope, tokens: Tokens, c: VitConfig): Tokens[] {
  let h = tokens;
  return Array.from({ length: c.layers }, (_, i) => {
    h = encoderLayer(g.at("layer", i), h, c);
    return h;
  });
}

/** Patches (B, D, H, W) as tokens (B, 1 + H*W, D): the class token goes in front, and each token learns its place. */
export function embedTokens(g: Scope, patches: FeatureMap, c: VitConfig): Tokens {
  const tokens = prependToken(g.weight("cls_token", [1, 1, c.width]), toTokens(patches));
  const sequence = reshape(tokens.value, [tokens.batch, tokens.length, c.width]);
  const placed = addValues(sequence, positions(g, patches.height, patches.width, c)); // [B, 1 + H*W, D]
  return tokensOf(tokens, reshape(placed, [-1, c.width]));
}

/**
 * The position embeddings [1, 1 + H*W, D], those of the trained grid interpolated to H x W. In float32: where sizes are known the
 * runtime computes them once, when it loads the graph, and it has no kernel for that in float16.
 */
function positions(g: Scope, height: Dim, width: Dim, { grid, width: channels }: VitConfig): Value {
  const count = grid * grid;
  const table = cast(g.storedWeight("position_embeddings", [1, 1 + count, channels]), "float32");
  const ofClass = slice(table, 1, 0, 1);
  const square = reshape(slice(table, 1, 1, 1 + count), [1, grid, grid, channels]);
  const resized = resize(transpose(square, [0, 3, 1, 2]), height, width, { mode: "linear", coordinates: "half_pixel" });
  const ofPatches = reshape(transpose(resized, [0, 2, 3, 1]), [1, product(height, width), channels]);
  return inComputeType(concat([ofClass, ofPatches], 1));
}

function encoderLayer(g: Scope, x: Tokens, c: VitConfig): Tokens {
  const normal = layerNorm(g.at("layernorm_before"), x, c.epsilon);
  const project = (name: string) => linear(g.at("attention.attention", name), normal, c.width, { bias: c.qkvBias });
  const attended = attention(
    { query: project("query"), key: project("key"), value: project("value") },
    { heads: c.heads },
  );
  const h = add(linear(g.at("attention.output.dense"), attended, c.width), x);
  const hidden = linear(g.at("intermediate.dense"), layerNorm(g.at("layernorm_after"), h, c.epsilon), c.mlpWidth);
  return add(linear(g.at("output.dense"), tokensOf(hidden, gelu(hidden.value)), c.width), h);
}
