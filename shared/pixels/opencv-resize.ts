/** OpenCV's `cv2.resize` for 8-bit pictures: which method a request leads to. Method: OpenCV 4's imgproc/resize.cpp. */
import { channelCount, type GreyImage, type PictureSize } from "./grey-image.js";
import { averageBlocks, resizeByArea } from "./opencv-area.js";
import { areaEdges, lanczos4, linear, resizeByTaps } from "./opencv-taps.js";
import type { RgbImage } from "./rgb-image.js";

export type OpenCvInterpolation = "area" | "linear" | "lanczos4";

/** Resizes an RGB or grey picture to `size`; equal to `cv2.resize(image, (width, height), interpolation=INTER_...)`. */
export function openCvResize<T extends RgbImage | GreyImage>(image: T, size: PictureSize, by: OpenCvInterpolation): T {
  const { width, height } = size;
  return { ...image, data: resample(image, { width, height }, by), width, height };
}

function resample(image: RgbImage | GreyImage, size: PictureSize, by: OpenCvInterpolation): Uint8Array {
  if (image.width === size.width && image.height === size.height) return image.data.slice();
  const channels = channelCount(image);
  const across = image.width / size.width;
  const down = image.height / size.height;
  const halves = across === 2 && down === 2;
  if (by === "lanczos4") return resizeByTaps(image, size, channels, lanczos4);
  if (by === "linear" && !halves) return resizeByTaps(image, size, channels, linear);
  // Averaging is defined where both sides shrink; elsewhere OpenCV interpolates between the areas' edges.
  if (across < 1 || down < 1) return resizeByTaps(image, size, channels, areaEdges);
  if (Number.isInteger(across) && Number.isInteger(down)) return averageBlocks(image, size, channels);
  return resizeByArea(image, size, channels);
}
