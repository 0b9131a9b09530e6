/**
 * Layers of networks that come from TensorFlow: "same" padding, which puts an odd pixel below and to the right, and weights that
 * are standardised before use (arXiv:1903.10520). Sides must be multiples of the stride.
 */
import type { Value } from "../builder.js";
import { ceilDiv } from "../dim.js";
import { cast, conv, gemm, instanceNormalization, reshape } from "../ops.js";
import { PROFILE } from "../profile.js";
import type { Scope } from "../scope.js";
import { type FeatureMap, fromNchw, mapOf, toNchw } from "./feature-map.js";

interface StandardizedConvOptions {
  kernel: number;
  stride?: number;
  epsilon: number;
}

/** A convolution without bias whose weights have mean 0 and deviation 1 in each output channel. */
export function standardizedConv2d(g: Scope, x: FeatureMap, out: number, options: StandardizedConvOptions): FeatureMap {
  const { kernel, stride = 1, epsilon } = options;
  const weight = standardizedWeight(g, [out, x.channels, kernel, kernel], epsilon);
  if (kernel === 1 && stride === 1 && g.graph[PROFILE].layout === "rows") {
    return mapOf(x, gemm(x.value, reshape(weight, [out, x.channels])), { channels: out });
  }
  return fromNchw(conv(toNchw(x), weight, undefined, { stride, padding: samePadding(kernel, stride) }));
}

/** The largest of each 3x3 pixels, at half the size. No input may be negative: the padding counts as 0. */
export function maxPoolHalf(x: FeatureMap): FeatureMap {
  const shape = [x.batch, x.channels, ceilDiv(x.height, 2), ceilDiv(x.width, 2)];
  const y = x.value.graph.node("MaxPool", [toNchw(x)], x.value.dtype, shape, {
    attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: samePadding(3, 2) },
  });
  return fromNchw(y);
}

/** [top, left, bottom, right] where the sides are multiples of the stride. */
function samePadding(kernel: number, stride: number): [number, number, number, number] {
  const total = Math.max(kernel - stride, 0);
  const before = Math.floor(total / 2);
  return [before, before, total - before, total - before];
}

/** The standardized weight in float32, because the epsilon is below what float16 can hold; the runtime folds it once, when it loads the graph. */
function standardizedWeight(g: Scope, shape: readonly [number, number, number, number], epsilon: number): Value {
  const [out] = shape;
  const ones = g.graph.floats(Array(out).fill(1), [out], "float32");
  const zeros = g.graph.floats(Array(out).fill(0), [out], "float32");
  const filters = reshape(cast(g.storedWeight("weight", shape), "float32"), [1, out, -1]);
  const standard = reshape(instanceNormalization(filters, ones, zeros, epsilon), shape);
  return cast(standard, g.graph[PROFILE].compute);
}
