/** One ONNX operator each, under its own name. Every function infers its output's shape and throws where it was built wrongly. */
import type { GraphBuilder, Value } from "./builder.js";
import { ceilDiv, type Dim, floorDiv, parseDim, product, sum } from "./dim.js";
import { type Dtype, dataType } from "./onnx.js";

export const addValues = (a: Value, b: Value): Value => elementwise("Add", a, b);
export const sub = (a: Value, b: Value): Value => elementwise("Sub", a, b);
export const mul = (a: Value, b: Value): Value => elementwise("Mul", a, b);
export const div = (a: Value, b: Value): Value => elementwise("Div", a, b);
export const max = (a: Value, b: Value): Value => elementwise("Max", a, b);

export const sqrt = (x: Value): Value => unary("Sqrt", x);
export const sin = (x: Value): Value => unary("Sin", x);
export const cos = (x: Value): Value => unary("Cos", x);
export const relu = (x: Value): Value => unary("Relu", x);
export const sigmoid = (x: Value): Value => unary("Sigmoid", x);

/** x * sigmoid(x), as QuickGelu with alpha 1: one pass on the CPU instead of two. */
export const siluValues = (x: Value): Value => quickGelu(x, 1);

/** x * sigmoid(alpha * x). */
export const quickGelu = (x: Value, alpha = 1.702): Value =>
  x.graph.node("QuickGelu", [x], x.dtype, x.shape, {
    domain: "com.microsoft",
    attributes: { alpha: { float: alpha } },
  });

/** The exact Gaussian error linear unit. */
export const gelu = (x: Value): Value => x.graph.node("Gelu", [x], x.dtype, x.shape, { domain: "com.microsoft" });

export const cast = (x: Value, dtype: Dtype): Value => x.graph.cast(x, dtype);

/** Softmax over the last axis. */
export const softmax = (x: Value): Value =>
  x.graph.node("Softmax", [x], x.dtype, x.shape, { attributes: { axis: -1 } });

/** [..., M, K] x [..., K, N] → [..., M, N], with numpy's broadcasting of the leading axes. */
export function matmul(a: Value, b: Value): Value {
  const [m, k] = a.shape.slice(-2);
  const [k2, n] = b.shape.slice(-2);
  if (m === undefined || n === undefined || k !== k2) throw mismatch("MatMul", a, b);
  const leading = broadcast("MatMul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  return a.graph.node("MatMul", [a, b], a.dtype, [...leading, m, n]);
}

/** x [M, K] with a PyTorch weight [N, K], in place, and a bias [N] → [M, N]. */
export function gemm(x: Value, weight: Value, bias?: Value): Value {
  const [m, k] = x.shape;
  const [n, k2] = weight.shape;
  if (x.shape.length !== 2 || m === undefined || n === undefined || k !== k2) throw mismatch("Gemm", x, weight);
  return x.graph.node("Gemm", [x, weight, bias], x.dtype, [m, n], { attributes: { transB: 1 } });
}

interface ConvOptions {
  stride?: number;
  /** Zeros added at [top, left, bottom, right]. */
  padding?: readonly [number, number, number, number];
  groups?: number;
}

/** x [B, Cin, H, W] with weight [Cout, Cin/groups, kH, kW] → [B, Cout, H', W']. */
export function conv(x: Value, weight: Value, bias: Value | undefined, options: ConvOptions = {}): Value {
  const { stride = 1, padding = [0, 0, 0, 0], groups = 1 } = options;
  const [batch, channels, height, width] = x.shape as [Dim, Dim, Dim, Dim];
  const [out, inPerGroup, kernelH, kernelW] = weight.shape as [number, number, number, number];
  if (channels !== inPerGroup * groups) throw mismatch("Conv", x, weight);
  const size = (dim: Dim, kernel: number, pads: number) => convolvedSize(dim, kernel, stride, pads);
  const shape = [
    batch,
    out,
    size(height, kernelH, padding[0] + padding[2]),
    size(width, kernelW, padding[1] + padding[3]),
  ];
  return x.graph.node("Conv", [x, weight, bias], x.dtype, shape, {
    attributes: { kernel_shape: [kernelH, kernelW], strides: [stride, stride], pads: padding, group: groups },
  });
}

/** Output size of a convolution: floor((size + pads - kernel) / stride) + 1. */
export function convolvedSize(size: Dim, kernel: number, stride: number, pads: number): Dim {
  const raise = pads - kernel + stride; // the size is floor((size + raise) / stride)
  if (raise === stride - 1) return ceilDiv(size, stride);
  if (raise === 0) return floorDiv(size, stride);
  return floorDiv(sum(size, raise), stride);
}

/** Gives the elements another shape; one size may be -1 (the rest), and its place in the result is then computed. */
export function reshape(x: Value, shape: readonly Dim[]): Value {
  const rest = shape.indexOf(-1);
  const known = rest < 0 ? shape : shape.with(rest, quotient(x, shape));
  if (product(...known) !== product(...x.shape)) {
    throw new Error(`Reshape: [${x.shape.join(", ")}] does not hold as many elements as [${known.join(", ")}]`);
  }
  if (known.length === x.shape.length && known.every((dim, axis) => dim === x.shape[axis])) return x;
  return x.graph.node("Reshape", [x, x.graph.shape(atMostOneComputed(known))], x.dtype, known);
}

export function transpose(x: Value, perm: readonly number[]): Value {
  const shape = perm.map((axis) => x.shape[axis]!);
  return x.graph.node("Transpose", [x], x.dtype, shape, { attributes: { perm } });
}

export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  if (!first) throw new Error("Concat: nothing to concatenate");
  const at = axis < 0 ? axis + first.shape.length : axis;
  const size = sum(...values.map((value) => value.shape[at]!));
  return first.graph.node("Concat", values, first.dtype, first.shape.with(at, size), { attributes: { axis: at } });
}

/** Elements `start` to `end` along one axis. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  const g = x.graph;
  const inputs = [x, g.ints([start]), g.ints([end]), g.ints([axis])];
  return g.node("Slice", inputs, x.dtype, x.shape.with(axis, end - start));
}

/** The first `size` elements along one axis. */
export function sliceTo(x: Value, axis: number, size: Dim): Value {
  const g = x.graph;
  const inputs = [x, g.ints([0]), g.size(size), g.ints([axis])];
  return g.node("Slice", inputs, x.dtype, x.shape.with(axis, size));
}

/** Rows of `table` [N, ...] at `indices` → [...indices, ...]. */
export function gather(table: Value, indices: Value): Value {
  const shape = [...indices.shape, ...table.shape.slice(1)];
  return table.graph.node("Gather", [table, indices], table.dtype, shape, { attributes: { axis: 0 } });
}

/** Places `indices` along one axis of x: that axis becomes the axes of the indices. */
export function gatherAxis(x: Value, indices: Value, axis: number): Value {
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return x.graph.node("Gather", [x, indices], x.dtype, shape, { attributes: { axis } });
}

/** The whole numbers from 0 to `size` - 1, int64 [size]. */
export function range(g: GraphBuilder, size: Dim): Value {
  const scalar = (value: Value) => reshape(value, []);
  return g.node("Range", [scalar(g.ints([0])), scalar(g.size(size)), scalar(g.ints([1]))], "int64", [size]);
}

export const reduceMean = (x: Value, axis: number): Value => reduced("ReduceMean", x, axis);
export const reduceMax = (x: Value, axis: number): Value => reduced("ReduceMax", x, axis);
export const reduceMin = (x: Value, axis: number): Value => reduced("ReduceMin", x, axis);

/** x [N, ...] / scale [N], rounded half to even and cut to int8. */
export function quantizeLinear(x: Value, scale: Value): Value {
  return x.graph.node("QuantizeLinear", [x, scale], "int8", x.shape, {
    attributes: { axis: 0, output_dtype: dataType("int8") },
  });
}

export function expand(x: Value, shape: readonly Dim[]): Value {
  return x.graph.node("Expand", [x, x.graph.shape(shape)], x.dtype, shape);
}

/** Normalises the last axis. */
export function layerNormalization(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  return x.graph.node("LayerNormalization", [x, weight, bias], x.dtype, x.shape, {
    attributes: { axis: -1, epsilon: { float: epsilon } },
  });
}

/** Normalises each channel of each picture: x [B, C, ...]. */
export function instanceNormalization(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  return x.graph.node("InstanceNormalization", [x, weight, bias], x.dtype, x.shape, {
    attributes: { epsilon: { float: epsilon } },
  });
}

/** Pads x with a constant, or a scalar of its own type; `pads` are the starts of all axes, then the ends. */
export function pad(x: Value, pads: readonly number[], value: number | Value = 0): Value {
  const rank = x.shape.length;
  const shape = x.shape.map((dim, axis) => sum(dim, pads[axis]! + pads[axis + rank]!));
  const fill = typeof value === "number" ? x.graph.floats([value], [], x.dtype as "float32" | "float16") : value;
  return x.graph.node("Pad", [x, x.graph.ints(pads), fill], x.dtype, shape);
}

interface ResizeOptions {
  mode: "nearest" | "linear" | "cubic";
  coordinates: "asymmetric" | "half_pixel" | "align_corners";
}

/** x [B, C, H, W] → [B, C, height, width]. */
export function resize(x: Value, height: Dim, width: Dim, { mode, coordinates }: ResizeOptions): Value {
  const [batch, channels] = x.shape as [Dim, Dim];
  const shape = [batch, channels, height, width];
  return x.graph.node("Resize", [x, undefined, undefined, x.graph.shape(shape)], x.dtype, shape, {
    attributes: {
      mode,
      coordinate_transformation_mode: coordinates,
      nearest_mode: mode === "nearest" ? "floor" : undefined,
      cubic_coeff_a: mode === "cubic" ? { float: -0.75 } : undefined,
    },
  });
}

function reduced(op: string, x: Value, axis: number): Value {
  return x.graph.node(op, [x, x.graph.ints([axis])], x.dtype, x.shape.with(axis, 1), { attributes: { keepdims: 1 } });
}

function unary(op: string, x: Value): Value {
  return x.graph.node(op, [x], x.dtype, x.shape);
}

function elementwise(op: string, a: Value, b: Value): Value {
  if (a.dtype !== b.dtype) throw mismatch(op, a, b);
  return a.graph.node(op, [a, b], a.dtype, broadcast(op, a.shape, b.shape));
}

function broadcast(op: string, a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (left === right || right === 1 || isOpen(right)) return left;
    if (left === 1 || isOpen(left)) return right;
    throw new Error(`${op}: [${a.join(", ")}] and [${b.join(", ")}] cannot be broadcast`);
  });
}

/** An input's size that may be 1 or the other operand's: its name ends in `?`. */
function isOpen(dim: Dim): boolean {
  return typeof dim === "string" && dim.endsWith("?");
}

/** The size that stands for -1 in `shape`. */
function quotient(x: Value, shape: readonly Dim[]): Dim {
  const total = factorize(product(...x.shape));
  const divisor = factorize(product(...shape.filter((dim) => dim !== -1)));
  for (const factor of divisor.factors) {
    const at = total.factors.indexOf(factor);
    if (at < 0) throw indivisible(x, shape);
    total.factors.splice(at, 1);
  }
  if (total.coefficient % divisor.coefficient !== 0) throw indivisible(x, shape);
  return product(total.coefficient / divisor.coefficient, ...total.factors);
}

function factorize(dim: Dim): { coefficient: number; factors: string[] } {
  return typeof dim === "number" ? { coefficient: dim, factors: [] } : parseDim(dim);
}

function indivisible(x: Value, shape: readonly Dim[]): Error {
  return new Error(`Reshape: [${x.shape.join(", ")}] does not divide into [${shape.join(", ")}]`);
}

/** A shape with -1 for its only symbolic size, which the runtime finds itself: no size arithmetic in the graph. */
function atMostOneComputed(shape: readonly Dim[]): readonly Dim[] {
  const symbolic = shape.filter((dim) => typeof dim === "string");
  return symbolic.length === 1 ? shape.map((dim) => (typeof dim === "string" ? -1 : dim)) : shape;
}

function mismatch(op: string, a: Value, b: Value): Error {
  const text = ({ name, dtype, shape }: Value) => `${name} ${dtype} [${shape.join(", ")}]`;
  return new Error(`${op}: ${text(a)} and ${text(b)} do not fit`);
}

/** x [B, C, H, W] with weight [C, out, k, k] → [B, out, k*H, k*W]: every pixel becomes a patch of its own, and none overlap. */
export function convTranspose(x: Value, weight: Value, bias: Value | undefined): Value {
  const [batch, channels, height, width] = x.shape as [Dim, Dim, Dim, Dim];
  const [inputs, out, kernel] = weight.shape as [number, number, number, number];
  if (channels !== inputs) throw mismatch("ConvTranspose", x, weight);
  const shape = [batch, out, product(kernel, height), product(kernel, width)];
  return x.graph.node("ConvTranspose", [x, weight, bias], x.dtype, shape, {
    attributes: { kernel_shape: [kernel, kernel], strides: [kernel, kernel] },
  });
}
