/** Sobel derivatives of 8-bit pictures, a row at a time: what `cv2.Sobel` gives as int16 with BORDER_REPLICATE. */
import { roundHalfEven } from "@armature/pixels";

export type Aperture = keyof typeof KERNELS;

/**
 * Kernels from the centre outwards. `smooth` is symmetric, `derive` antisymmetric. They are applied to pairs at the same
 * distance from the centre; the centre makes a pair with itself, so its smoothing weight is halved.
 */
interface Kernel {
  smooth: number[];
  derive: number[];
  scale: number;
}

const KERNELS = {
  3: { smooth: [1, 1], derive: [0, 1], scale: 1 },
  5: { smooth: [3, 4, 1], derive: [0, 2, 1], scale: 1 },
  7: { smooth: [10, 15, 6, 1], derive: [0, 5, 4, 1], scale: 1 / 16 },
} satisfies Record<number, Kernel>;

/** What OpenCV's Canny multiplies derivatives and thresholds by, so that the derivatives of aperture 7 fit 16 bits. */
export function derivativeScale(aperture: Aperture): number {
  return KERNELS[aperture].scale;
}

export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
  channels: 1 | 3;
}

/** Derivatives of one row after the other; every channel apart, interleaved as the pixels are. */
export class Sobel {
  readonly dx: Int32Array;
  readonly dy: Int32Array;
  readonly #kernel: Kernel;
  /** Sums down the columns of a row, with `#padding` more at both ends, where the outermost pixels are repeated. */
  readonly #sums: Int32Array;
  readonly #differences: Int32Array;
  readonly #padding: number;

  constructor(
    private readonly pixels: Pixels,
    aperture: Aperture,
  ) {
    this.#kernel = KERNELS[aperture];
    const stride = pixels.width * pixels.channels;
    this.#padding = (this.#kernel.smooth.length - 1) * pixels.channels;
    this.dx = new Int32Array(stride);
    this.dy = new Int32Array(stride);
    this.#sums = new Int32Array(stride + 2 * this.#padding);
    this.#differences = new Int32Array(stride + 2 * this.#padding);
  }

  /** Fills `dx` and `dy` with the derivatives of row `y`. */
  row(y: number): void {
    const { smooth, derive, scale } = this.#kernel;
    for (const result of [this.#sums, this.#differences, this.dx, this.dy]) result.fill(0);
    for (let k = 0; k < smooth.length; k++) this.#addColumns(y - k, y + k, smooth[k]!, derive[k]!);
    this.#repeatEnds(this.#sums);
    this.#repeatEnds(this.#differences);
    for (let k = 0; k < smooth.length; k++) this.#addRows(k * this.pixels.channels, smooth[k]!, derive[k]!);
    if (scale !== 1) this.#multiply(scale);
  }

  #addColumns(y0: number, y1: number, weight: number, slope: number): void {
    const [sums, differences, length] = [this.#sums, this.#differences, this.dx.length];
    const { data, height } = this.pixels;
    const above = Math.max(y0, 0) * length;
    const below = Math.min(y1, height - 1) * length;
    for (let i = 0, at = this.#padding; i < length; i++, at++) {
      const up = data[above + i]!;
      const down = data[below + i]!;
      sums[at] = sums[at]! + Math.imul(weight, up + down);
      differences[at] = differences[at]! + Math.imul(slope, down - up);
    }
  }

  #addRows(away: number, weight: number, slope: number): void {
    const [dx, dy, sums, differences] = [this.dx, this.dy, this.#sums, this.#differences];
    for (let i = 0, at = this.#padding; i < dx.length; i++, at++) {
      dx[i] = dx[i]! + Math.imul(slope, sums[at + away]! - sums[at - away]!);
      dy[i] = dy[i]! + Math.imul(weight, differences[at - away]! + differences[at + away]!);
    }
  }

  #multiply(scale: number): void {
    for (let i = 0; i < this.dx.length; i++) {
      this.dx[i] = roundHalfEven(this.dx[i]! * scale);
      this.dy[i] = roundHalfEven(this.dy[i]! * scale);
    }
  }

  #repeatEnds(sums: Int32Array): void {
    const { channels } = this.pixels;
    const end = sums.length - this.#padding;
    for (let i = 0; i < this.#padding; i++) {
      sums[i] = sums[this.#padding + (i % channels)]!;
      sums[end + i] = sums[end - channels + (i % channels)]!;
    }
  }
}
