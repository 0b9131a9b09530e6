/**
 * `torch.nn.functional.interpolate` of float32 maps on the CPU, bilinear and bicubic (a = -0.75), not antialiased.
 * Arithmetic is float32 with fused multiply-add, as PyTorch's AVX2 kernel does it. Method: ATen's UpSampleKernel.cpp.
 */
import type { PictureSize } from "./grey-image.js";

/** One channel of floats: [H, W]. */
export interface FloatMap {
  data: Float32Array;
  width: number;
  height: number;
}

export interface InterpolateOptions {
  mode: "bilinear" | "bicubic";
  /** Whether the corner pixels' centres stay in place (true), or the corners of the corner pixels (false). */
  alignCorners: boolean;
}

const { fround } = Math;

/** Resizes a map to `size`; equal to `F.interpolate(map, (height, width), mode=mode, align_corners=alignCorners)`. */
export function torchInterpolate(map: FloatMap, { width, height }: PictureSize, options: InterpolateOptions): FloatMap {
  const columns = tapTable(map.width, width, options);
  const rows = tapTable(map.height, height, options);
  const data = new Float32Array(width * height);
  const across = new Float32Array(map.height * width);
  for (let y = 0; y < map.height; y++) {
    interpolateRow(map.data, y * map.width, columns, across.subarray(y * width, (y + 1) * width));
  }
  for (let y = 0; y < height; y++) joinRows(across, rows, y, data.subarray(y * width, (y + 1) * width));
  return { data, width, height };
}

interface TapTable {
  taps: number;
  /** [to, taps]: indices inside the source. */
  sources: Int32Array;
  /** [to, taps]. */
  weights: Float32Array;
}

function tapTable(from: number, to: number, { mode, alignCorners }: InterpolateOptions): TapTable {
  const taps = mode === "bicubic" ? 4 : 2;
  const sources = new Int32Array(to * taps);
  const weights = new Float32Array(to * taps);
  for (let out = 0; out < to; out++) {
    const centre = alignCorners ? alignedPosition(out, from, to) : position(out, from, to);
    const at = mode === "bicubic" ? centre : Math.max(0, centre);
    const whole = Math.min(Math.floor(at), from - 1);
    const fraction = Math.min(Math.max(fround(at - whole), 0), 1);
    weights.set(mode === "bicubic" ? cubicWeights(fraction) : [1 - fraction, fraction], out * taps);
    for (let tap = 0; tap < taps; tap++) {
      sources[out * taps + tap] = Math.min(Math.max(whole - taps / 2 + 1 + tap, 0), from - 1);
    }
  }
  return { taps, sources, weights };
}

function position(out: number, from: number, to: number): number {
  return fround(fround(from / to) * (out + 0.5) - 0.5);
}

function alignedPosition(out: number, from: number, to: number): number {
  return to > 1 ? fround(fround((from - 1) / (to - 1)) * out) : 0;
}

/** The first product is fused with the second one; further ones are added one by one. */
function interpolateRow(source: Float32Array, start: number, { taps, sources, weights }: TapTable, row: Float32Array) {
  for (let x = 0, first = 0; x < row.length; x++, first += taps) {
    const second = fround(source[start + sources[first + 1]!]! * weights[first + 1]!);
    let sum = fround(source[start + sources[first]!]! * weights[first]! + second);
    for (let tap = first + 2; tap < first + taps; tap++) {
      sum = fround(sum + source[start + sources[tap]!]! * weights[tap]!);
    }
    row[x] = sum;
  }
}

function joinRows(across: Float32Array, { taps, sources, weights }: TapTable, y: number, row: Float32Array): void {
  for (const tap of taps === 4 ? [1, 0, 2, 3] : [1, 0]) {
    const weight = weights[y * taps + tap]!;
    const from = sources[y * taps + tap]! * row.length;
    for (let x = 0; x < row.length; x++) row[x] = row[x]! + across[from + x]! * weight;
  }
}

/** Keys' cubic convolution at distances 1 + t, t, 1 - t and 2 - t. */
function cubicWeights(t: number): number[] {
  const rest = fround(1 - t);
  return [outer(fround(t + 1)), inner(t), inner(rest), outer(fround(rest + 1))];
}

const A = -0.75;

/** Unlike the rest, the last addition of both polynomials is not fused in PyTorch's builds. */
function inner(x: number): number {
  return fround(fround(fround(fround((A + 2) * x - (A + 3)) * x) * x) + 1);
}

function outer(x: number): number {
  return fround(fround(fround(fround(A * x - 5 * A) * x + 8 * A) * x) - 4 * A);
}
