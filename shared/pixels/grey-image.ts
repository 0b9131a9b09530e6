/** Pictures of one channel, and the size of any picture. */
import type { RgbImage } from "./rgb-image.js";

/** A control image of one channel, such as edges or depth: 8 bits, rows from top to bottom. */
export interface GreyImage {
  /** [H, W], 0 to 255. */
  data: Uint8Array;
  width: number;
  height: number;
}

/** Width and height of a picture, in pixels. */
export interface PictureSize {
  width: number;
  height: number;
}

/** How many bytes a pixel takes: 3 for an RgbImage, 1 for a GreyImage. Throws RangeError if the bytes fit neither. */
export function channelCount({ data, width, height }: RgbImage | GreyImage): 1 | 3 {
  const channels = data.length / (width * height);
  if (channels !== 1 && channels !== 3) {
    throw new RangeError(`${data.length} bytes are neither a grey nor an RGB picture of ${width}x${height}`);
  }
  return channels;
}
