import {
  add,
  concat,
  type FeatureMap,
  layerNorm,
  mul,
  product,
  reshape,
  type Scope,
  slice,
  splitFirstToken,
  type Tokens,
  tokensOf,
} from "@armature/graph";
import type { Dinov2Config } from "./dinov2-config.js";
import { embedTokens, feedForward, patchEmbeddings, selfAttention } from "./vit.js";

/** A picture as the tokens of its patches (B, H*W, D) after each tapped layer; `patches` has their H and W. */
interface Dinov2Features {
  patches: FeatureMap;
  taps: Tokens[];
}

/** DINOv2 (arXiv:2304.07193) as a backbone: pixels (B, 3, H, W) → normalised tokens of the tapped layers, without the class token. */
export function dinov2(g: Scope, pixels: FeatureMap, c: Dinov2Config): Dinov2Features {
  const embeddings = g.at("embeddings");
  const patches = patchEmbeddings(embeddings.at("patch_embeddings.projection"), pixels, c); // (B, D, H/14, W/14)
  const length = product(patches.height, patches.width);
  let h = embedTokens(embeddings, patches, c, "cubic"); // (B, 1 + S, D)
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

/** Normalizes all taps by one norm, stacked: a weight is used once in a graph. */
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

/** A layer of the transformer whose two additions are scaled by channel (LayerScale, arXiv:2103.17239). */
function layer(g: Scope, x: Tokens, c: Dinov2Config): Tokens {
  const attended = selfAttention(g.at("attention"), layerNorm(g.at("norm1"), x, c.epsilon), c);
  const h = add(scaled(g.at("layer_scale1"), attended), x);
  const out = feedForward(
    { inner: g.at("mlp.fc1"), outer: g.at("mlp.fc2") },
    layerNorm(g.at("norm2"), h, c.epsilon),
    c,
  );
  return add(scaled(g.at("layer_scale2"), out), h);
}

function scaled(g: Scope, x: Tokens): Tokens {
  return tokensOf(x, mul(x.value, g.weight("lambda1", [x.width])));
}
