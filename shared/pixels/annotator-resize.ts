/** The resize that controlnet_aux's annotators put before and after their work (`resize_image` of its util.py). */
import type { PictureSize } from "./grey-image.js";
import { openCvResize } from "./opencv-resize.js";
import type { RgbImage } from "./rgb-image.js";
import { roundHalfEven } from "./round.js";

/** Annotators want sides that are multiples of this. */
const STEP = 64;

/** The size whose shorter side is about `resolution` pixels; both sides are rounded to multiples of 64, and at least 64. */
export function annotatorSize({ width, height }: PictureSize, resolution: number): PictureSize {
  const factor = resolution / Math.min(width, height);
  const side = (pixels: number) => Math.max(1, roundHalfEven((pixels * factor) / STEP)) * STEP;
  return { width: side(width), height: side(height) };
}

/** Resizes to `annotatorSize`: by area where the picture shrinks, by Lanczos where it grows. */
export function annotatorResize(image: RgbImage, resolution: number): RgbImage {
  const grows = resolution > Math.min(image.width, image.height);
  return openCvResize(image, annotatorSize(image, resolution), grows ? "lanczos4" : "area");
}
