/**
 * Pillow's `Image.resize` for 8-bit pictures, to the bit: two separable passes, horizontal first, each with fixed-point
 * coefficients and rounded to bytes. The kernel widens when it shrinks a picture. Method: Pillow's libImaging/Resample.c.
 * Math.imul keeps the loops in integers; `*` would go through doubles.
 */
import { channelCount, type GreyImage, type PictureSize } from "./grey-image.js";
import type { RgbImage } from "./rgb-image.js";

export type PillowFilter = keyof typeof FILTERS;

interface Filter {
  /** Half the width of the kernel, in pixels of the source at scale 1. */
  support: number;
  weight(x: number): number;
}

const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: (x) => bicubic(Math.abs(x)) },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
} satisfies Record<string, Filter>;

/** 32 bits less 8 for the pixel and 2 of headroom for kernels that overshoot. */
const PRECISION_BITS = 32 - 8 - 2;
const ROUNDING = 1 << (PRECISION_BITS - 1);

/** Taps of each output position: where its source pixels start, how many they are, and their weights (a row of `taps`). */
interface Kernel {
  taps: number;
  starts: Int32Array;
  counts: Int32Array;
  weights: Int32Array;
}

/** Resizes an RGB or grey picture to `size`; equal to Pillow's `image.resize((width, height), filter)`. */
export function pillowResize<T extends RgbImage | GreyImage>(image: T, size: PictureSize, filter: PillowFilter): T {
  const channels = channelCount(image);
  let { data } = image;
  if (size.width !== image.width) {
    data = resizeRows(data, image, size.width, channels, kernel(image.width, size.width, FILTERS[filter]));
  }
  if (size.height !== image.height) {
    data = resizeColumns(data, size, size.width * channels, kernel(image.height, size.height, FILTERS[filter]));
  }
  return { ...image, data: data === image.data ? data.slice() : data, width: size.width, height: size.height };
}

function kernel(from: number, to: number, { support, weight }: Filter): Kernel {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  const taps = Math.ceil(reach) * 2 + 1;
  const starts = new Int32Array(to);
  const counts = new Int32Array(to);
  const weights = new Int32Array(to * taps);
  const row = new Float64Array(taps);

  for (let out = 0; out < to; out++) {
    const centre = (out + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const count = Math.min(from, Math.trunc(centre + reach + 0.5)) - start;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      row[i] = weight((i + start - centre + 0.5) * (1 / stretch));
      sum += row[i]!;
    }
    for (let i = 0; i < count; i++) weights[out * taps + i] = fixedPoint(sum === 0 ? row[i]! : row[i]! / sum);
    starts[out] = start;
    counts[out] = count;
  }
  return { taps, starts, counts, weights };
}

/** Rounds half away from zero. */
function fixedPoint(weight: number): number {
  return Math.trunc(weight * (1 << PRECISION_BITS) + (weight < 0 ? -0.5 : 0.5));
}

function resizeRows(source: Uint8Array, from: PictureSize, width: number, channels: 1 | 3, k: Kernel): Uint8Array {
  const result = new Uint8ClampedArray(width * from.height * channels);
  const pass = channels === 3 ? resizeRgbRow : resizeGreyRow;
  for (let y = 0; y < from.height; y++) {
    pass(source, y * from.width * channels, result, y * width * channels, k);
  }
  return new Uint8Array(result.buffer);
}

function resizeRgbRow(source: Uint8Array, rowStart: number, result: Uint8ClampedArray, at: number, k: Kernel): void {
  const { taps, starts, counts, weights } = k;
  for (let x = 0, to = at; x < starts.length; x++, to += 3) {
    let red = ROUNDING;
    let green = ROUNDING;
    let blue = ROUNDING;
    let from = rowStart + starts[x]! * 3;
    const end = x * taps + counts[x]!;
    for (let tap = x * taps; tap < end; tap++, from += 3) {
      const weight = weights[tap]!;
      red += Math.imul(source[from]!, weight);
      green += Math.imul(source[from + 1]!, weight);
      blue += Math.imul(source[from + 2]!, weight);
    }
    result[to] = red >> PRECISION_BITS;
    result[to + 1] = green >> PRECISION_BITS;
    result[to + 2] = blue >> PRECISION_BITS;
  }
}

function resizeGreyRow(source: Uint8Array, rowStart: number, result: Uint8ClampedArray, at: number, k: Kernel): void {
  const { taps, starts, counts, weights } = k;
  for (let x = 0; x < starts.length; x++) {
    let grey = ROUNDING;
    let from = rowStart + starts[x]!;
    const end = x * taps + counts[x]!;
    for (let tap = x * taps; tap < end; tap++, from++) grey += Math.imul(source[from]!, weights[tap]!);
    result[at + x] = grey >> PRECISION_BITS;
  }
}

/** `stride` counts the bytes of a row; all channels of a row take the same weight. */
function resizeColumns(source: Uint8Array, to: PictureSize, stride: number, k: Kernel): Uint8Array {
  const { taps, starts, counts, weights } = k;
  const result = new Uint8ClampedArray(to.height * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < to.height; y++) {
    sums.fill(ROUNDING);
    for (let i = 0; i < counts[y]!; i++) {
      const weight = weights[y * taps + i]!;
      const from = (starts[y]! + i) * stride;
      for (let x = 0; x < stride; x++) sums[x] = sums[x]! + Math.imul(source[from + x]!, weight);
    }
    for (let x = 0; x < stride; x++) result[y * stride + x] = sums[x]! >> PRECISION_BITS;
  }
  return new Uint8Array(result.buffer);
}

/** Keys' cubic convolution with a = -0.5; `x` is not negative. */
function bicubic(x: number): number {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
