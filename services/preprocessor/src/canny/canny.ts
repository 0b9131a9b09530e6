/**
 * Canny's edge detector, pixel for pixel as `cv2.Canny`: J. Canny, "A Computational Approach to Edge Detection", 1986,
 * without the paper's blur, which OpenCV leaves to the caller.
 */
import { channelCount, type GreyImage, type RgbImage } from "@armature/pixels";
import { type GradientRow, gradientOf, gradientRow } from "./gradient.js";
import { type Aperture, derivativeScale, type Pixels } from "./sobel.js";

interface CannyOptions {
  /** Gradient above which a pixel that touches an edge belongs to it. */
  lowThreshold: number;
  /** Gradient above which a pixel starts an edge. */
  highThreshold: number;
  /** Side of the Sobel kernel. Larger ones give larger gradients. */
  aperture: Aperture;
  /** Whether a gradient's strength is its Euclidean length instead of |dx| + |dy|. */
  l2Gradient: boolean;
}

const WEAK = 1;
const EDGE = 255;

/** Gives 255 on edges and 0 elsewhere. */
export function canny(image: RgbImage | GreyImage, options: CannyOptions): GreyImage {
  const { data, width, height } = image;
  const { map, candidates } = thinEdges({ data, width, height, channels: channelCount(image) }, options);
  followEdges(map, width + 2, candidates);
  return { data: edgesOnly(map, width, height), width, height };
}

/** Local maxima of the gradient: each is WEAK or an EDGE. */
interface EdgeMap {
  /** [H + 2, W + 2]: an empty border spares the bounds checks. */
  map: Uint8Array;
  candidates: number;
}

/** Three rows of gradients go round. Outside the picture the gradient counts as 0. */
function thinEdges(pixels: Pixels, options: CannyOptions): EdgeMap {
  const { width, height } = pixels;
  const limits = thresholds(options);
  const gradient = gradientOf(pixels, options.aperture, options.l2Gradient);
  const map = new Uint8Array((width + 2) * (height + 2));
  let candidates = 0;
  let [above, row, below] = [gradientRow(width), gradientRow(width), gradientRow(width)];
  for (let y = 0; y <= height; y++) {
    if (y < height) gradient(y, below);
    else below.strength.fill(0);
    if (y > 0) candidates += thinRow({ above, row, below }, limits, map.subarray(y * (width + 2)));
    [above, row, below] = [row, below, above];
  }
  return { map, candidates };
}

/** The two thresholds, treated in OpenCV's order: scaled, sorted, squared for the Euclidean length, then cut to whole numbers. */
function thresholds({ lowThreshold, highThreshold, aperture, l2Gradient }: CannyOptions) {
  const whole = (threshold: number) => {
    const scaled = threshold * derivativeScale(aperture);
    return Math.floor(l2Gradient ? Math.min(32767, scaled) ** 2 : scaled);
  };
  return {
    low: whole(Math.min(lowThreshold, highThreshold)),
    high: whole(Math.max(lowThreshold, highThreshold)),
  };
}

/** tan 22.5° with 15 bits after the point. */
const TAN_22_5 = 13573;

/**
 * Marks the pixels of a row whose neighbours along the gradient are not stronger; gives their number.
 * The first element of `marks` is the border left of the row.
 */
function thinRow(
  { above, row, below }: Record<"above" | "row" | "below", GradientRow>,
  { low, high }: { low: number; high: number },
  marks: Uint8Array,
): number {
  const { dx, dy, strength } = row;
  const [up, down] = [above.strength, below.strength];
  let found = 0;
  for (let x = 0, at = 1; x < dx.length; x++, at++) {
    const here = strength[at]!;
    if (here <= low) continue;
    const across = Math.abs(dx[x]!);
    const steep = Math.abs(dy[x]!) * 32768;
    const flat = across * TAN_22_5;
    let isMaximum: boolean;
    if (steep < flat) isMaximum = here > strength[at - 1]! && here >= strength[at + 1]!;
    // tan 67.5° = tan 22.5° + 2.
    else if (steep > flat + across * 65536) isMaximum = here > up[at]! && here >= down[at]!;
    else {
      const slant = (dx[x]! ^ dy[x]!) < 0 ? -1 : 1;
      isMaximum = here > up[at - slant]! && here > down[at + slant]!;
    }
    if (!isMaximum) continue;
    marks[at] = here > high ? EDGE : WEAK;
    found++;
  }
  return found;
}

/** Turns every WEAK pixel that touches an EDGE, directly or through others, into an EDGE. */
function followEdges(map: Uint8Array, stride: number, candidates: number): void {
  const neighbours = [-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1];
  const stack = new Int32Array(candidates);
  let height = 0;
  for (let at = 0; at < map.length; at++) if (map[at] === EDGE) stack[height++] = at;
  while (height > 0) {
    const at = stack[--height]!;
    for (let i = 0; i < neighbours.length; i++) {
      const next = at + neighbours[i]!;
      if (map[next] !== WEAK) continue;
      map[next] = EDGE;
      stack[height++] = next;
    }
  }
}

function edgesOnly(map: Uint8Array, width: number, height: number): Uint8Array {
  const edges = new Uint8Array(width * height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let from = (y + 1) * (width + 2) + 1, x = 0; x < width; x++) if (map[from + x] === EDGE) edges[to + x] = EDGE;
    to += width;
  }
  return edges;
}
