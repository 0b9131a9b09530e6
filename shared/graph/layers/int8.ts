/**
 * Layers in 8 bits: weights quantised symmetrically for each output channel when the session is made, activations for each
 * tensor when it runs. So all that shares a call shares its scales: a caller that wants a picture to be the same alone and beside
 * others gives it a call of its own. The processor's 8-bit dot products do four times the work of float32. Measured in
 * docs/performance.md.
 */
import type { GraphBuilder, Value } from "../builder.js";
import { product } from "../dim.js";
import {
  addValues,
  div,
  gather,
  max,
  mul,
  pad,
  quantizeLinear,
  reduceMax,
  reduceMin,
  reshape,
  transpose,
} from "../ops.js";
import { CPU_INT8_PROFILE, PROFILE } from "../profile.js";
import type { FeatureMap } from "./feature-map.js";
import { patchRows, type Size } from "./pixel-tables.js";

/** Whether the profile wants this layer's weight [out, in, ...] in 8 bits. */
export function worthInt8(weight: Pick<Value, "graph" | "shape">): boolean {
  const [out, inputs, ...kernel] = weight.shape as [number, number, ...number[]];
  const channels = Math.min(out, inputs);
  const elements = kernel.reduce((product, size) => product * size, out * inputs);
  // three of the four bytes of each element, less one factor per output
  if (channels >= CPU_INT8_PROFILE.int8MinChannels!) weight.graph.noteInt8(3 * elements - 4 * out);
  return wantsInt8(weight.graph, channels);
}

/** Whether a convolution computes in 8 bits, by the lesser of its numbers of channels, in and out. */
export function wantsInt8(graph: GraphBuilder, channels: number): boolean {
  const least = graph[PROFILE].int8MinChannels;
  return least !== undefined && channels >= least;
}

/** x [M, in] with a weight [out, in] and a bias [out] → [M, out]. */
export function int8Dense(x: Value, weight: Value, bias: Value | undefined): Value {
  const [out] = weight.shape as [number];
  const { values, scale } = quantised(weight);
  return x.graph.node("DynamicQuantizeMatMul", [x, values, scale, undefined, bias], x.dtype, [x.shape[0]!, out], {
    domain: "com.microsoft",
  });
}

/** A 3x3 convolution with its bias, as `winogradConv` is one, but as one product over the nine pixels around each. */
export function int8Conv(x: FeatureMap, weight: Value, bias: Value | undefined, size: Size): Value {
  const g = x.value.graph;
  const [out, channels] = weight.shape as [number, number];
  const { values, scale } = quantised(weight);
  const [bytes, step, zero] = g.nodeWithOutputs(
    "DynamicQuantizeLinear",
    [x.value],
    [
      { dtype: "uint8", shape: x.value.shape },
      { dtype: "float32", shape: [] },
      { dtype: "uint8", shape: [] },
    ],
  ) as [Value, Value, Value];
  const patches = gather(pad(bytes, [0, 0, 1, 0], zero), patchRows(x, size, { tile: 1, order: "tiles first" }));
  const rows = reshape(patches, [-1, 9 * channels]); // [B*H*W, 9*C]
  const inputs = [rows, values, step, scale, zero, undefined, bias];
  return g.node("MatMulIntegerToFloat", inputs, "float32", [rows.shape[0]!, out], { domain: "com.microsoft" });
}

/**
 * A weight [out, in, ...] as int8 [..., in, out] with one factor an output: folded when the session is made. The runtime keeps every
 * folded step until the end, so no step but the cast from float16 is as large as the weight.
 */
function quantised(weight: Value): { values: Value; scale: Value } {
  const g = weight.graph;
  const [out, inputs, ...kernel] = weight.shape as [number, number, ...number[]];
  const rows = reshape(weight, [out, -1]);
  const most = max(reduceMax(rows, 1), mul(reduceMin(rows, 1), g.floats([-1], [])));
  // the summand keeps an output whose weights are all zero from dividing by zero
  const scale = reshape(addValues(div(most, g.floats([127], [])), g.floats([1e-12], [])), [out]);
  const bytes = reshape(quantizeLinear(rows, scale), [out, inputs, product(...kernel)]);
  return { values: reshape(transpose(bytes, [2, 1, 0]), [-1, out]), scale };
}
