/** Layer and group normalisation. */
import type { Value } from "../builder.js";
import { type Dim, product } from "../dim.js";
import {
  addValues,
  cast,
  div,
  expand,
  instanceNormalization,
  layerNormalization,
  matmul,
  mul,
  reduceMean,
  reshape,
  sqrt,
  sub,
} from "../ops.js";
import { PROFILE } from "../profile.js";
import type { Scope } from "../scope.js";
import { type FeatureMap, mapOf, type Tokens, tokensOf } from "./feature-map.js";

/** Layer normalisation of each token. */
export function layerNorm(g: Scope, x: Tokens, epsilon = 1e-5): Tokens {
  const weight = g.weight("weight", [x.width]);
  return tokensOf(x, layerNormalization(x.value, weight, g.weight("bias", [x.width]), epsilon));
}

/** Group normalisation (arXiv:1803.08494) in the profile's form. */
export function groupNorm(g: Scope, x: FeatureMap, groups: number, epsilon: number): FeatureMap {
  if (x.channels % groups > 0) throw new Error(`${x.channels} channels cannot be split into ${groups} groups`);
  const weight = g.weight("weight", [x.channels]);
  const bias = g.weight("bias", [x.channels]);
  const form = g.graph[PROFILE].groupNorm === "rows" ? overRows : asInstances;
  return mapOf(x, form(x, { weight, bias, groups, epsilon }));
}

interface GroupNormParameters {
  weight: Value; // [C]
  bias: Value; // [C]
  groups: number;
  epsilon: number;
}

/**
 * Channels last: means over the pixels by MatMul with 1/(H*W), then over each group's channels, then one factor and one offset
 * a channel. The mean is subtracted before squaring, because E[x²] - E[x]² cancels where the mean is far above the deviation.
 */
function overRows(x: FeatureMap, { weight, bias, groups, epsilon }: GroupNormParameters): Value {
  const { batch, channels, height, width } = x;
  const g = x.value.graph;
  const grouped = [batch, groups, channels / groups];
  const perChannel = [batch, 1, channels];
  const pixelMean = averaging(x);
  const mean = (of: Value): Value => reduceMean(reshape(matmul(pixelMean, of), grouped), 2); // [B, G, 1]

  const pixels = reshape(x.value, [batch, product(height, width), channels]); // [B, H*W, C]
  const centre = reshape(expand(mean(pixels), grouped), perChannel); // [B, 1, C]
  const centred = sub(pixels, centre);
  const deviation = sqrt(addValues(mean(mul(centred, centred)), g.floats([epsilon], [1, 1, 1])));
  const factor = div(reshape(weight, [1, groups, channels / groups]), deviation); // [B, G, C/G]
  const y = addValues(mul(centred, reshape(factor, perChannel)), reshape(bias, [1, 1, channels]));
  return reshape(y, x.value.shape);
}

/** A row [1, H*W] of 1/(H*W). */
function averaging({ value, height, width }: FeatureMap): Value {
  const g = value.graph;
  const pixels: Dim = product(height, width);
  const one = g.floats([1], [1, 1]);
  return expand(div(one, reshape(cast(g.size(pixels), g[PROFILE].compute), [1, 1])), [1, pixels]);
}

/** NCHW: each group is one channel of an instance normalisation, which every device has a kernel for. */
function asInstances(x: FeatureMap, { weight, bias, groups, epsilon }: GroupNormParameters): Value {
  const g = x.value.graph;
  const ones = g.floats(Array(groups).fill(1), [groups]);
  const zeros = g.floats(Array(groups).fill(0), [groups]);
  const grouped = reshape(x.value, [x.batch, groups, -1]);
  const normal = reshape(instanceNormalization(grouped, ones, zeros, epsilon), x.value.shape);
  const channels = [x.channels, 1, 1];
  return addValues(mul(normal, reshape(weight, channels)), reshape(bias, channels));
}
