/** How far pictures are apart, by the usual measures. */
import type { RgbImage } from "@armature/pixels";

/** Peak signal-to-noise ratio in decibels; infinite for equal pictures. */
export function psnr(found: RgbImage, wanted: RgbImage): number {
  const squares = found.data.reduce((sum, value, i) => sum + (value - wanted.data[i]!) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / found.data.length));
}

/** The window of the paper: 11 pixels, a Gaussian of deviation 1.5. */
const RADIUS = 5;
const KERNEL = gaussian(RADIUS, 1.5);
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/** Mean structural similarity of the lumas, at most 1: Wang et al. 2004, doi:10.1109/TIP.2003.819861; windows wholly inside. */
export function ssim(found: RgbImage, wanted: RgbImage): number {
  const { width } = found;
  const [x, y] = [luma(found), luma(wanted)];
  const mean = (values: Float64Array) => blurred(values, width);
  const [mx, my] = [mean(x), mean(y)];
  const [xx, yy, xy] = [mean(times(x, x)), mean(times(y, y)), mean(times(x, y))];
  let sum = 0;
  for (let i = 0; i < mx.length; i++) {
    const [a, b] = [mx[i]!, my[i]!];
    const covariance = xy[i]! - a * b;
    const variances = xx[i]! - a * a + yy[i]! - b * b;
    sum += ((2 * a * b + C1) * (2 * covariance + C2)) / ((a * a + b * b + C1) * (variances + C2));
  }
  return sum / mx.length;
}

/** Pearson's, of two lists of one length. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [ma, mb] = [a, b].map((values) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length);
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [da, db] = [a[i]! - ma!, b[i]! - mb!];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return ab / Math.sqrt(aa * bb);
}

/** ITU-R BT.601, 0..255. */
export function luma({ data }: RgbImage): Float64Array {
  return Float64Array.from(
    { length: data.length / 3 },
    (_, i) => 0.299 * data[3 * i]! + 0.587 * data[3 * i + 1]! + 0.114 * data[3 * i + 2]!,
  );
}

function times(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value * b[i]!);
}

function gaussian(radius: number, deviation: number): number[] {
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The weighted mean around each pixel that is `RADIUS` from every border. */
function blurred(values: Float64Array, width: number): Float64Array {
  const rows = alongRows(values, width);
  const inner = width - 2 * RADIUS;
  const turned = transposed(rows, inner);
  const height = values.length / width;
  return alongRows(turned, height);
}

function alongRows(values: Float64Array, width: number): Float64Array {
  const inner = width - 2 * RADIUS;
  return Float64Array.from({ length: (values.length / width) * inner }, (_, i) => {
    const start = Math.floor(i / inner) * width + (i % inner);
    return KERNEL.reduce((sum, weight, k) => sum + weight * values[start + k]!, 0);
  });
}

function transposed(values: Float64Array, width: number): Float64Array {
  const height = values.length / width;
  return Float64Array.from(values, (_, i) => values[(i % height) * width + Math.floor(i / height)]!);
}
