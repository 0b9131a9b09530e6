/** Whether a picture is a photograph rather than the control image that it is taken as. Rough: a warning hangs on it, nothing else. */
import type { ControlImageKind } from "@armature/contract";
import type { RgbImage } from "@armature/pixels";

/** Of a larger picture every n-th pixel is looked at: less than a millisecond. */
const PIXELS = 40_000;

/**
 * Shares of the pixels. Of our fixtures, photographs and generated pictures are between black and white at 0.66 and more, Canny's edges
 * at 0.06 and less; coloured at 0.1 and more, depth at 0; of their 200 most frequent colours at 0.72 and less, maps at 0.92 and more.
 */
const LIMITS = { midtones: 0.5, coloured: 0.05, frequentColours: 0.8 };

/** `kind` is what the control image should consist of; undefined: it is not known. */
export function looksLikePhotograph(image: RgbImage, kind: ControlImageKind | undefined): boolean {
  switch (kind) {
    case "lines":
      return share(image, (r, g, b) => Math.abs((r + g + b) / 3 - 127.5) < 96) > LIMITS.midtones;
    case "grey":
      return share(image, (r, g, b) => Math.max(r, g, b) - Math.min(r, g, b) > 24) > LIMITS.coloured;
    case "any":
      return false;
    default:
      return frequentColours(image) < LIMITS.frequentColours;
  }
}

type Visit = (r: number, g: number, b: number) => void;

/** Gives the number of pixels that were looked at. */
function visit({ data, width, height }: RgbImage, see: Visit): number {
  const step = 3 * Math.max(1, Math.floor((width * height) / PIXELS));
  let seen = 0;
  for (let at = 0; at < data.length; at += step, seen++) see(data[at]!, data[at + 1]!, data[at + 2]!);
  return seen;
}

function share(image: RgbImage, holds: (...pixel: Parameters<Visit>) => boolean): number {
  let count = 0;
  const seen = visit(image, (r, g, b) => {
    if (holds(r, g, b)) count++;
  });
  return count / seen;
}

/** The share of the 200 most frequent colours: a map has few, a photograph as many as pixels. */
function frequentColours(image: RgbImage): number {
  const counts = new Map<number, number>();
  const seen = visit(image, (r, g, b) => {
    const colour = (r << 16) | (g << 8) | b;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  });
  const most = [...counts.values()].sort((a, b) => b - a).slice(0, 200);
  return most.reduce((sum, count) => sum + count, 0) / seen;
}
