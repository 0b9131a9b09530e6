/** The colour of the object in a picture of the embedded models, where floor and background are grey. */
import type { RgbImage } from "@armature/pixels";

/** Hues in degrees, the ranges of models/README.md; red wraps around. */
const HUES: Record<string, [number, number]> = {
  red: [-15, 13],
  orange: [13, 42],
  yellow: [42, 68],
  green: [85, 165],
  blue: [205, 252],
  purple: [256, 310],
};

const MIN_SATURATION = 0.5;
const MIN_VALUE = 0.2;

/** The named colour of most pixels that have one; undefined if none has. */
export function objectColour({ data }: RgbImage): string | undefined {
  const counts = new Map<string, number>();
  for (let i = 0; i < data.length; i += 3) {
    const colour = namedColour(data[i]!, data[i + 1]!, data[i + 2]!);
    if (colour) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

function namedColour(red: number, green: number, blue: number): string | undefined {
  const most = Math.max(red, green, blue);
  const range = most - Math.min(red, green, blue);
  if (most < MIN_VALUE * 255 || range < MIN_SATURATION * most) return undefined;
  const sector =
    most === red ? (green - blue) / range : most === green ? 2 + (blue - red) / range : 4 + (red - green) / range;
  const hue = ((60 * sector + 15 + 360) % 360) - 15; // -15..345
  return Object.keys(HUES).find((name) => hue >= HUES[name]![0] && hue < HUES[name]![1]);
}
