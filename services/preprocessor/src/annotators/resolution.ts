/** The two sizes that every annotator of controlnet_aux takes, here optional: without them the image keeps the input's size. */
import { ImageTooLarge } from "@armature/core";
import { annotatorResize, annotatorSize, openCvResize, type PictureSize, type RgbImage } from "@armature/pixels";
import { z } from "zod";
import type { ControlImage } from "./annotator.js";
import { queryValue } from "./query-value.js";

const shorterSide = queryValue(z.int().min(64).max(2048).optional());

/** Options of the sizes, which annotators spread into their own. */
export const resolutionOptions = {
  detect_resolution: shorterSide.describe(
    "Shorter side of the picture that is analysed, in pixels; sides become multiples of 64. Default: the picture as it is",
  ),
  image_resolution: shorterSide.describe(
    "Shorter side of the control image, in pixels; sides become multiples of 64. Default: the size of the analysed picture",
  ),
};

interface Resolutions {
  detect_resolution?: number | undefined;
  image_resolution?: number | undefined;
}

/** A long and narrow picture must not grow without bound: 64 megapixels. */
const MAX_PIXELS = 2 ** 26;

/** Resizes the picture, lets `annotate` work, and resizes the result, each only where asked. */
export async function atResolutions(
  image: RgbImage,
  { detect_resolution, image_resolution }: Resolutions,
  annotate: (image: RgbImage) => ControlImage | Promise<ControlImage>,
): Promise<ControlImage> {
  if (detect_resolution) checkSize(image, "detect_resolution", detect_resolution);
  const analysed = detect_resolution ? annotatorResize(image, detect_resolution) : image;
  if (image_resolution) checkSize(analysed, "image_resolution", image_resolution);
  const map = await annotate(analysed);
  return image_resolution ? openCvResize(map, annotatorSize(analysed, image_resolution), "linear") : map;
}

function checkSize(image: PictureSize, field: keyof Resolutions, resolution: number): void {
  const { width, height } = annotatorSize(image, resolution);
  if (width * height <= MAX_PIXELS) return;
  const error = new ImageTooLarge(
    `With a shorter side of ${resolution} pixels, a picture of ${image.width}x${image.height} would become ` +
      `${width}x${height}; at most ${MAX_PIXELS} pixels are supported. Ask for a smaller resolution`,
  );
  error.pointer = `/${field}`;
  throw error;
}
