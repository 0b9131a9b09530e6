/** The gradient that Canny works on: at each pixel the strongest of the channels' gradients, the first of equal ones. */
import { type Aperture, type Pixels, Sobel } from "./sobel.js";

export interface GradientRow {
  /** [W]. */
  dx: Int32Array;
  dy: Int32Array;
  /** [W + 2]: how strong the gradient is; 0 beyond both ends. */
  strength: Int32Array;
}

/** Fills `result` with the gradient of row `y`. */
type FillGradient = (y: number, result: GradientRow) => void;

export function gradientRow(width: number): GradientRow {
  return { dx: new Int32Array(width), dy: new Int32Array(width), strength: new Int32Array(width + 2) };
}

/** `l2` measures the strength as dx² + dy² instead of |dx| + |dy|. */
export function gradientOf(pixels: Pixels, aperture: Aperture, l2: boolean): FillGradient {
  if (aperture === 3) return (y, result) => fillByThree(pixels, y, l2, result);
  const sobel = new Sobel(pixels, aperture);
  return (y, result) => {
    sobel.row(y);
    fillStrongest(sobel, pixels.channels, l2, result);
  };
}

function fillStrongest({ dx, dy }: Sobel, channels: number, l2: boolean, result: GradientRow): void {
  result.strength.fill(-1, 1, -1);
  for (let i = 0, x = 0; x < result.dx.length; x++) {
    for (let channel = 0; channel < channels; channel++, i++) keepStrongest(result, x, dx[i]!, dy[i]!, l2);
  }
}

function keepStrongest(result: GradientRow, x: number, dx: number, dy: number, l2: boolean): void {
  const strength = l2 ? dx * dx + dy * dy : Math.abs(dx) + Math.abs(dy);
  if (strength <= result.strength[x + 1]!) return;
  result.strength[x + 1] = strength;
  result.dx[x] = dx;
  result.dy[x] = dy;
}

/** Aperture 3, the usual one, in one pass: three columns slide along the row, so each pixel is read once a row. */
function fillByThree({ data, width, height, channels }: Pixels, y: number, l2: boolean, result: GradientRow): void {
  const { dx, dy, strength } = result;
  const above = Math.max(0, y - 1) * width * channels;
  const centre = y * width * channels;
  const below = Math.min(height - 1, y + 1) * width * channels;
  strength.fill(-1, 1, -1);
  for (let channel = 0; channel < channels; channel++) {
    let sum = data[above + channel]! + 2 * data[centre + channel]! + data[below + channel]!;
    let difference = data[below + channel]! - data[above + channel]!;
    let sumBefore = sum;
    let differenceBefore = difference;
    for (let x = 0, next = channels + channel; x < width; x++, next += channels) {
      const at = x + 1 < width ? next : next - channels;
      const sumAfter = data[above + at]! + 2 * data[centre + at]! + data[below + at]!;
      const differenceAfter = data[below + at]! - data[above + at]!;
      const across = sumAfter - sumBefore;
      const down = differenceBefore + 2 * difference + differenceAfter;
      const size = l2 ? (Math.imul(across, across) + Math.imul(down, down)) | 0 : Math.abs(across) + Math.abs(down);
      if (size > strength[x + 1]!) {
        strength[x + 1] = size;
        dx[x] = across;
        dy[x] = down;
      }
      sumBefore = sum;
      sum = sumAfter;
      differenceBefore = difference;
      difference = differenceAfter;
    }
  }
}
