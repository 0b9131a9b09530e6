/**
 * OpenCV's separable interpolation of 8-bit pictures in fixed point: a row at a time across, then down over the few rows
 * that an output row needs. Coefficients have 11 bits. The kernel does not widen when a picture shrinks.
 */
import type { GreyImage, PictureSize } from "./grey-image.js";
import type { RgbImage } from "./rgb-image.js";
import { roundHalfEven } from "./round.js";

const COEFFICIENT_BITS = 11;

/** One way to interpolate: where an output position lies in the source, the weights there, and how rows are joined. */
interface Interpolation {
  taps: number;
  position(out: number, from: number, to: number): { whole: number; fraction: number };
  /** The weights of the pixels `whole - taps/2 + 1` and on. */
  weights(fraction: number): number[];
  join(rows: Int32Array[], weights: Int32Array, result: Uint8ClampedArray, at: number): void;
}

/** INTER_LINEAR. */
export const linear: Interpolation = {
  taps: 2,
  position: pixelCentre,
  weights: (fraction) => [1 - fraction, fraction],
  join: joinTwo,
};

/** INTER_AREA where a side grows. */
export const areaEdges: Interpolation = { ...linear, position: areaEdge };

/** INTER_LANCZOS4. */
export const lanczos4: Interpolation = {
  taps: 8,
  position: pixelCentre,
  weights: lanczosWeights,
  join: joinEight,
};

/** Resizes `image` to the size `to`; gives the bytes. */
export function resizeByTaps(
  image: RgbImage | GreyImage,
  to: PictureSize,
  channels: 1 | 3,
  by: Interpolation,
): Uint8Array {
  const stride = to.width * channels;
  const columns = tapTable(image.width, to.width, by);
  const rows = tapTable(image.height, to.height, by);
  const result = new Uint8ClampedArray(to.height * stride);
  const across = new RowCache(by.taps, stride, (y, row) => {
    interpolateRow(image.data, y * image.width * channels, channels, columns, row);
  });
  for (let y = 0; y < to.height; y++) {
    const first = y * by.taps;
    const needed = Array.from({ length: by.taps }, (_, tap) => across.row(rows.sources[first + tap]!));
    by.join(needed, rows.weights.subarray(first, first + by.taps), result, y * stride);
  }
  return new Uint8Array(result.buffer);
}

interface TapTable {
  taps: number;
  /** [to, taps]: source indices, inside the picture. */
  sources: Int32Array;
  /** [to, taps]: 11-bit weights. */
  weights: Int32Array;
}

function tapTable(from: number, to: number, by: Interpolation): TapTable {
  const { taps } = by;
  const sources = new Int32Array(to * taps);
  const weights = new Int32Array(to * taps);
  for (let out = 0; out < to; out++) {
    const { whole, fraction } = by.position(out, from, to);
    for (const [tap, weight] of by.weights(fraction).entries()) {
      sources[out * taps + tap] = Math.min(Math.max(whole - taps / 2 + 1 + tap, 0), from - 1);
      weights[out * taps + tap] = roundHalfEven(Math.fround(weight) * (1 << COEFFICIENT_BITS));
    }
  }
  return { taps, sources, weights };
}

/** Rows that neighbouring output rows share are made once; a window of `taps` rows never needs two in one slot. */
class RowCache {
  readonly #rows: Int32Array[];
  readonly #held: number[];

  constructor(
    taps: number,
    stride: number,
    private readonly fill: (y: number, row: Int32Array) => void,
  ) {
    this.#rows = Array.from({ length: taps }, () => new Int32Array(stride));
    this.#held = Array.from({ length: taps }, () => -1);
  }

  row(y: number): Int32Array {
    const slot = y % this.#rows.length;
    const row = this.#rows[slot]!;
    if (this.#held[slot] !== y) this.fill(y, row);
    this.#held[slot] = y;
    return row;
  }
}

function interpolateRow(source: Uint8Array, start: number, channels: 1 | 3, columns: TapTable, row: Int32Array): void {
  const { taps, sources, weights } = columns;
  for (let at = 0, first = 0; at < row.length; first += taps) {
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      for (let tap = first; tap < first + taps; tap++) {
        sum += Math.imul(source[start + sources[tap]! * channels + channel]!, weights[tap]!);
      }
      row[at++] = sum;
    }
  }
}

/** Keeps 16-bit halves of the products, as OpenCV does to stay in 16-bit lanes. */
function joinTwo(rows: Int32Array[], weights: Int32Array, result: Uint8ClampedArray, at: number): void {
  const [upper, lower] = rows as [Int32Array, Int32Array];
  const [a, b] = weights as unknown as [number, number];
  for (let x = 0; x < upper.length; x++) {
    result[at + x] = ((Math.imul(a, upper[x]! >> 4) >> 16) + (Math.imul(b, lower[x]! >> 4) >> 16) + 2) >> 2;
  }
}

function joinEight(rows: Int32Array[], weights: Int32Array, result: Uint8ClampedArray, at: number): void {
  const sums = new Int32Array(rows[0]!.length).fill(1 << (2 * COEFFICIENT_BITS - 1));
  for (const [tap, row] of rows.entries()) {
    const weight = weights[tap]!;
    for (let x = 0; x < sums.length; x++) sums[x] = sums[x]! + Math.imul(row[x]!, weight);
  }
  for (let x = 0; x < sums.length; x++) result[at + x] = sums[x]! >> (2 * COEFFICIENT_BITS);
}

function pixelCentre(out: number, from: number, to: number) {
  const position = Math.fround((out + 0.5) * (1 / (to / from)) - 0.5);
  const whole = Math.floor(position);
  return { whole, fraction: Math.fround(position - whole) };
}

function areaEdge(out: number, from: number, to: number) {
  const inverse = to / from;
  const whole = Math.floor(out * (1 / inverse));
  const edge = Math.fround(out + 1 - (whole + 1) * inverse);
  return { whole, fraction: edge <= 0 ? 0 : Math.fround(edge - Math.floor(edge)) };
}

const DIAGONAL = Math.SQRT1_2;
/** (-1)^i · (cos iπ/4, sin iπ/4): the angle of tap i from that of tap 0, with the sign of sin π(x + i). */
const TURNS = [
  [1, 0],
  [-DIAGONAL, -DIAGONAL],
  [0, 1],
  [DIAGONAL, -DIAGONAL],
  [-1, 0],
  [DIAGONAL, DIAGONAL],
  [0, -1],
  [-DIAGONAL, DIAGONAL],
] as const;

/** sin πx · sin(πx/4) / x² at the eight taps, divided by their sum. */
function lanczosWeights(fraction: number): number[] {
  const distances = TURNS.map((_, i) => Math.fround(fraction + 3) - i);
  const hit = distances.findIndex((distance) => Math.abs(distance) < 1e-6);
  if (hit >= 0) return distances.map((_, i) => (i === hit ? 1 : 0));
  const sine = Math.sin(-distances[0]! * Math.PI * 0.25);
  const cosine = Math.cos(-distances[0]! * Math.PI * 0.25);
  const raw = TURNS.map(([s, c], i) => Math.fround((s * sine + c * cosine) / (distances[i]! * Math.PI * 0.25) ** 2));
  const sum = raw.reduce((total, weight) => Math.fround(total + weight), 0);
  return raw.map((weight) => weight * Math.fround(1 / sum));
}
