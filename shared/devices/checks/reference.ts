/** The answers of the checks, by the definition of each layer, in float64. Slow, and open to be read. */

type Numbers = Float32Array | Float64Array;

export interface Picture {
  data: Numbers; // [C, H, W]
  channels: number;
  height: number;
  width: number;
}

/** A convolution with as many zeros around as half its kernel: weight [out, C, k, k], bias [out]. */
export function convolve(
  x: Picture,
  { weight, bias, kernel, stride = 1 }: { weight: Numbers; bias: Numbers; kernel: number; stride?: number },
): Picture {
  const half = Math.floor(kernel / 2);
  const channels = bias.length;
  const height = Math.ceil(x.height / stride);
  const width = Math.ceil(x.width / stride);
  const data = new Float64Array(channels * height * width);
  const sum = (out: number, top: number, left: number) => {
    let total = bias[out]!;
    for (let c = 0; c < x.channels; c++) {
      for (let i = 0; i < kernel; i++) {
        const row = top + i;
        if (row < 0 || row >= x.height) continue;
        for (let j = 0; j < kernel; j++) {
          const column = left + j;
          if (column < 0 || column >= x.width) continue;
          const at = ((out * x.channels + c) * kernel + i) * kernel + j;
          total += weight[at]! * x.data[(c * x.height + row) * x.width + column]!;
        }
      }
    }
    return total;
  };
  for (let out = 0, at = 0; out < channels; out++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        data[at++] = sum(out, row * stride - half, column * stride - half);
      }
    }
  }
  return { data, channels, height, width };
}

/** A transposed convolution whose stride is its kernel, so that each pixel makes a block of its own: weight [C, out, k, k], bias [out]. */
export function enlargeByBlocks(
  x: Picture,
  { weight, bias, factor }: { weight: Numbers; bias: Numbers; factor: number },
): Picture {
  const channels = bias.length;
  const [height, width] = [factor * x.height, factor * x.width];
  const data = new Float64Array(channels * height * width);
  for (let out = 0, at = 0; out < channels; out++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const from = Math.floor(row / factor) * x.width + Math.floor(column / factor);
        const inBlock = (row % factor) * factor + (column % factor);
        let total = bias[out]!;
        for (let c = 0; c < x.channels; c++) {
          total += x.data[c * x.height * x.width + from]! * weight[(c * channels + out) * factor * factor + inBlock]!;
        }
        data[at++] = total;
      }
    }
  }
  return { data, channels, height, width };
}

/** Bilinear interpolation that keeps the corner pixels in their places. */
export function interpolateCorners(x: Picture, { height, width }: { height: number; width: number }): Picture {
  const data = new Float64Array(x.channels * height * width);
  const pixel = (c: number, row: number, column: number) =>
    x.data[(c * x.height + Math.min(row, x.height - 1)) * x.width + Math.min(column, x.width - 1)]!;
  for (let c = 0, at = 0; c < x.channels; c++) {
    for (let row = 0; row < height; row++) {
      const v = (row * (x.height - 1)) / (height - 1);
      const [top, down] = [Math.floor(v), v % 1];
      for (let column = 0; column < width; column++) {
        const u = (column * (x.width - 1)) / (width - 1);
        const [left, across] = [Math.floor(u), u % 1];
        const upper = pixel(c, top, left) * (1 - across) + pixel(c, top, left + 1) * across;
        const lower = pixel(c, top + 1, left) * (1 - across) + pixel(c, top + 1, left + 1) * across;
        data[at++] = upper * (1 - down) + lower * down;
      }
    }
  }
  return { data, channels: x.channels, height, width };
}

/** Group normalisation (arXiv:1803.08494). */
export function normalizeGroups(
  x: Picture,
  { weight, bias, groups, epsilon }: { weight: Numbers; bias: Numbers; groups: number; epsilon: number },
): Picture {
  const pixels = x.height * x.width;
  const size = (x.channels / groups) * pixels;
  const data = new Float64Array(x.data.length);
  for (let group = 0; group < groups; group++) {
    const values = Float64Array.from(x.data.subarray(group * size, (group + 1) * size));
    const { mean, deviation } = moments(values, epsilon);
    for (let i = 0; i < size; i++) {
      const channel = Math.floor((group * size + i) / pixels);
      data[group * size + i] = ((values[i]! - mean) / deviation) * weight[channel]! + bias[channel]!;
    }
  }
  return { ...x, data };
}

/** Layer normalisation of rows of `width` numbers. */
export function normalizeRows(x: Numbers, weight: Numbers, bias: Numbers, epsilon: number): Float64Array {
  const width = weight.length;
  const result = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    const values = Float64Array.from(x.subarray(row, row + width));
    const { mean, deviation } = moments(values, epsilon);
    for (let i = 0; i < width; i++) result[row + i] = ((values[i]! - mean) / deviation) * weight[i]! + bias[i]!;
  }
  return result;
}

/** Rows of x times a PyTorch weight [out, in], plus bias. */
export function project(x: Numbers, weight: Numbers, bias: Numbers): Float64Array {
  const out = bias.length;
  const width = weight.length / out;
  const rows = x.length / width;
  const result = new Float64Array(rows * out);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < out; o++) {
      let total = bias[o]!;
      for (let i = 0; i < width; i++) total += x[row * width + i]! * weight[o * width + i]!;
      result[row * out + o] = total;
    }
  }
  return result;
}

interface AttentionProblem {
  query: Numbers; // [B, S, N*d]
  key: Numbers; // [B, T, N*d]
  value: Numbers; // [B, T, N*d]
  batch: number;
  queries: number;
  keys: number;
  heads: number;
  headDim: number;
  causal?: boolean;
}

/** softmax(Q Kᵀ / √d) V for each head (arXiv:1706.03762) → [B, S, N*d]; of the query rows in `rows` alone, if given. */
export function attend(problem: AttentionProblem, rows?: readonly number[]): Float64Array {
  const { batch, queries, heads, headDim } = problem;
  const wanted = rows ?? Array.from({ length: queries }, (_, i) => i);
  const width = heads * headDim;
  const result = new Float64Array(batch * wanted.length * width);
  for (let b = 0; b < batch; b++) {
    for (const [i, row] of wanted.entries()) {
      for (let head = 0; head < heads; head++) {
        const from = (b * wanted.length + i) * width + head * headDim;
        attendRow(problem, { b, row, head }, result.subarray(from, from + headDim));
      }
    }
  }
  return result;
}

function attendRow(
  { query, key, value, queries, keys, heads, headDim, causal }: AttentionProblem,
  { b, row, head }: { b: number; row: number; head: number },
  into: Float64Array,
): void {
  const width = heads * headDim;
  const q = (b * queries + row) * width + head * headDim;
  const at = (t: number) => (b * keys + t) * width + head * headDim;
  const seen = causal ? row + 1 : keys;
  const scores = Float64Array.from({ length: seen }, (_, t) => {
    let dot = 0;
    for (let i = 0; i < headDim; i++) dot += query[q + i]! * key[at(t) + i]!;
    return dot / Math.sqrt(headDim);
  });
  const highest = scores.reduce((a, c) => Math.max(a, c), Number.NEGATIVE_INFINITY);
  const weights = scores.map((score) => Math.exp(score - highest));
  const total = weights.reduce((a, c) => a + c, 0);
  for (let t = 0; t < seen; t++) {
    for (let i = 0; i < headDim; i++) into[i]! += (weights[t]! / total) * value[at(t) + i]!;
  }
}

/** x * sigmoid(alpha * x); with alpha 1 it is SiLU. */
export function sigmoidLinear(x: Numbers, alpha: number): Float64Array {
  return Float64Array.from(x, (value) => value / (1 + Math.exp(-alpha * value)));
}

/** x Φ(x). */
export function gaussianLinear(x: Numbers): Float64Array {
  return Float64Array.from(x, (value) => (value / 2) * (1 + errorFunction(value / Math.SQRT2)));
}

/** Abramowitz and Stegun, 7.1.26: within 1.5e-7. */
function errorFunction(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const polynomial = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - polynomial * Math.exp(-x * x));
}

function moments(values: Float64Array, epsilon: number): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance + epsilon) };
}
