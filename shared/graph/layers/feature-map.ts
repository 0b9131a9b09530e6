/** The two kinds of activation that networks pass around, and how each lies in memory. */
import type { Value } from "../builder.js";
import { type Dim, product } from "../dim.js";
import { addValues, concat as concatValues, reshape, siluValues, transpose } from "../ops.js";
import { PROFILE } from "../profile.js";

/** A picture-like activation (B, C, H, W). `value` is `[B*H*W, C]` or `[B, C, H, W]`: the profile's business. */
export interface FeatureMap {
  readonly value: Value;
  readonly batch: Dim;
  readonly channels: number;
  readonly height: Dim;
  readonly width: Dim;
}

/** A sequence-like activation (B, S, D); `value` is `[B*S, D]` on every device. */
export interface Tokens {
  readonly value: Value;
  readonly batch: Dim;
  readonly length: Dim;
  readonly width: number;
}

/** A graph input or another tensor [B, C, H, W] as a feature map in the profile's layout and compute type. */
export function fromNchw(nchw: Value): FeatureMap {
  const g = nchw.graph;
  const [batch, channels, height, width] = nchw.shape as [Dim, number, Dim, Dim];
  const x = g.cast(nchw, g[PROFILE].compute);
  const value =
    g[PROFILE].layout === "nchw" ? x : reshape(transpose(x, [0, 2, 3, 1]), [product(batch, height, width), channels]); // [B*H*W, C]
  return { value, batch, channels, height, width };
}

/** A feature map as a tensor [B, C, H, W] in the compute type. */
export function toNchw({ value, batch, channels, height, width }: FeatureMap): Value {
  if (value.graph[PROFILE].layout === "nchw") return value;
  return transpose(reshape(value, [batch, height, width, channels]), [0, 3, 1, 2]);
}

/** A map like `x` with other contents. */
export function mapOf(x: FeatureMap, value: Value, change: Partial<Omit<FeatureMap, "value">> = {}): FeatureMap {
  return { ...x, ...change, value };
}

/** A feature map as H*W tokens. */
export function toTokens(x: FeatureMap): Tokens {
  const { batch, channels, height, width } = x;
  const rows = product(batch, height, width);
  const value =
    x.value.graph[PROFILE].layout === "rows" ? x.value : reshape(transpose(x.value, [0, 2, 3, 1]), [rows, channels]); // [B*H*W, C]
  return { value, batch, length: product(height, width), width: channels };
}

/** H*W tokens as a feature map of the size of `like`. */
export function fromTokens(tokens: Tokens, like: FeatureMap): FeatureMap {
  const { batch, height, width } = like;
  const rows = tokens.value;
  const value =
    rows.graph[PROFILE].layout === "rows"
      ? rows
      : transpose(reshape(rows, [batch, height, width, tokens.width]), [0, 3, 1, 2]);
  return { value, batch, channels: tokens.width, height, width };
}

/** Tokens with other contents. */
export function tokensOf(x: Tokens, value: Value): Tokens {
  return { ...x, value, width: value.shape[1] as number };
}

/** The sum of two activations of one shape. */
export function add<T extends FeatureMap | Tokens>(a: T, b: T): T {
  return { ...a, value: addValues(a.value, b.value) };
}

export function silu<T extends FeatureMap | Tokens>(x: T): T {
  return { ...x, value: siluValues(x.value) };
}

/** Feature maps side by side along the channels. */
export function concatChannels(maps: readonly FeatureMap[]): FeatureMap {
  const [first] = maps;
  if (!first) throw new Error("concatChannels: nothing to concatenate");
  const channels = maps.reduce((total, map) => total + map.channels, 0);
  return {
    ...first,
    channels,
    value: concatValues(
      maps.map((map) => map.value),
      1,
    ),
  };
}
