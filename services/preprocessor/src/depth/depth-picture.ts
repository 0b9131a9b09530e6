/** A depth map as a control image: the bright is near. As transformers' depth-estimation goldens and MiDaS' annotator draw it. */
import { type FloatMap, type GreyImage, type PictureSize, torchInterpolate } from "@armature/pixels";

const { fround } = Math;

/**
 * Enlarges a predicted depth [h, w] to the picture's size (bicubic) and stretches its least to greatest value over 0 to 255,
 * cut to whole levels, in float32. A map of one value gives black: there is nothing to stretch but the rounding of the enlargement.
 */
export function depthPicture(depth: FloatMap, size: PictureSize): GreyImage {
  const { data, width, height } = torchInterpolate(depth, size, { mode: "bicubic", alignCorners: false });
  const levels = new Uint8Array(width * height);
  if (isFlat(depth.data)) return { data: levels, width, height };
  const { least, greatest } = extremes(data);
  const range = fround(greatest - least);
  for (let i = 0; i < data.length; i++) levels[i] = fround(fround(fround(data[i]! - least) / range) * 255);
  return { data: levels, width, height };
}

function isFlat(values: Float32Array): boolean {
  const { least, greatest } = extremes(values);
  return !(greatest > least);
}

function extremes(values: Float32Array): { least: number; greatest: number } {
  let least = Infinity;
  let greatest = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return { least, greatest };
}
