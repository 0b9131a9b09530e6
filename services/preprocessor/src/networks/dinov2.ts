import {
  add,
  addValues,
  attention,
  cast,
  concat,
  conv2d,
  type Dim,
  type FeatureMap,
  gelu,
  inComputeType,
  layerNorm,
  linear,
  mul,
  prependToken,
  product,
  reshape,
  resize,
  type Scope,
  slice,
  splitFirstToken,
  type Tokens,
  tokensOf,
  toTokens,
  transpose,
  type Value,
} from "@armature/graph";
import type { Dinov2Config } from "./dinov2-config.js";

/** A picture as the tokens of its patches (B, H*W, D) after each tapped layer; `patches` has their H and W. */
export interface Dinov2Features {
  patches: FeatureMap;
  taps: Tokens[];
}

/** DINOv2 (arXiv:2304.07193) as a backbone: pixels (B, 3, H, W) → normalised tokens of the tapped layers, without the class token. */
export function dinov2(g: Scope, pixels: FeatureMap, c: Dinov2Config): Dinov2Features {
  const embeddings = g.at("embeddings");
  const patches = conv2d(embeddings.at("patch_embeddings.projection"), pixels, c.width, {
    kernel: c.patch,
    stride: c.patch,
    padding: [0, 0, 0, 0],
  }); // (B, D, H/14, W/14)
  const length = product(patches.height, patches.width);
  let h = embedTokens(embeddings, patches, c); // (B, 1 + S, D)
  const outputs = Array.from({ length: c.layers }, (_, i) => {
    h = layer(g.at("encoder.layer", i), h, c);
    return h;
  });
  const taps = normalized(
    g.at("layernorm"),
    c.taps.map((i) => outputs[i]!),
    c.epsilon,
  );
  return { patches, taps: taps.map((tokens) => splitFirstToken(tokens, { length }).others) };
}

/** One norm over all of them, stacked: a weight is used once in a graph. */
function normalized(g: Scope, taps: Tokens[], epsilon: number): Tokens[] {
  const [first] = taps as [Tokens];
  const { width } = first;
  const rows = product(first.batch, first.length);
  const stacked = concat(
    taps.map(({ value }) => reshape(value, [1, rows, width])),
    0,
  ); // [4, B*(1 + S), D]
  const normal = layerNorm(g, tokensOf(first, reshape(stacked, [-1, width])), epsilon);
  const apart = reshape(normal.value, [taps.length, rows, width]);
  return taps.map((tokens, i) => tokensOf(tokens, reshape(slice(apart, 0, i, i + 1), [rows, width])));
}

/** Patches (B, D, H, W) as tokens (B, 1 + H*W, D): the class token goes in front, and each token learns its place. */
function embedTokens(g: Scope, patches: FeatureMap, c: Dinov2Config): Tokens {
  const tokens = prependToken(g.weight("cls_token", [1, 1, c.width]), toTokens(patches));
  const sequence = reshape(tokens.value, [tokens.batch, tokens.length, c.width]);
  const placed = addValues(sequence, positions(g, patches.height, patches.width, c)); // [B, 1 + H*W, D]
  return tokensOf(tokens, reshape(placed, [-1, c.width]));
}

/**
 * The position embeddings [1, 1 + H*W, D], those of the trained grid interpolated to H x W, bicubic. In float32: where sizes are
 * known the runtime computes them once, when it loads the graph, and it has no kernel for that in float16.
 */
function positions(g: Scope, height: Dim, width: Dim, { grid, width: channels }: Dinov2Config): Value {
  const count = grid * grid;
  const table = cast(g.storedWeight("position_embeddings", [1, 1 + count, channels]), "float32");
  const ofClass = slice(table, 1, 0, 1);
  const square = transpose(reshape(slice(table, 1, 1, 1 + count), [1, grid, grid, channels]), [0, 3, 1, 2]);
  const resized = resize(square, height, width, { mode: "cubic", coordinates: "half_pixel" });
  const ofPatches = reshape(transpose(resized, [0, 2, 3, 1]), [1, product(height, width), channels]);
  return inComputeType(concat([ofClass, ofPatches], 1));
}

/** A layer of the transformer whose two additions are scaled by channel (LayerScale, arXiv:2103.17239). */
function layer(g: Scope, x: Tokens, c: Dinov2Config): Tokens {
  const normal = layerNorm(g.at("norm1"), x, c.epsilon);
  const project = (name: string) => linear(g.at("attention.attention", name), normal, c.width, { bias: c.qkvBias });
  const attended = attention(
    { query: project("query"), key: project("key"), value: project("value") },
    { heads: c.heads },
  );
  const h = add(scaled(g.at("layer_scale1"), linear(g.at("attention.output.dense"), attended, c.width)), x);
  const hidden = linear(g.at("mlp.fc1"), layerNorm(g.at("norm2"), h, c.epsilon), c.mlpWidth);
  const out = linear(g.at("mlp.fc2"), tokensOf(hidden, gelu(hidden.value)), c.width);
  return add(scaled(g.at("layer_scale2"), out), h);
}

function scaled(g: Scope, x: Tokens): Tokens {
  return tokensOf(x, mul(x.value, g.weight("lambda1", [x.width])));
}
