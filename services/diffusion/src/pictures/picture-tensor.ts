import { type PictureSize, pillowResize, type RgbImage } from "@armature/pixels";
import { Tensor } from "onnxruntime-node";

/** A picture as networks take it, [1, 3, H, W]: resized as the reference does, black as `black` and white as 1. */
export function pictureTensor(image: RgbImage, { width, height }: PictureSize, black: 0 | -1): Tensor {
  const fits = image.width === width && image.height === height;
  const { data } = fits ? image : pillowResize(image, { width, height }, "lanczos");
  const pixels = width * height;
  const values = new Float32Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) values[c * pixels + i] = black + ((1 - black) * data[3 * i + c]!) / 255;
  }
  return new Tensor("float32", values, [1, 3, height, width]);
}
