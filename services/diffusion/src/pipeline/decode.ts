import type { RgbImage } from "@armature/shared/image/rgb-image";
import { Tensor } from "onnxruntime-node";
import type { VaeDecoder } from "./components.js";

/** Latents [N, 4, h, w], as the UNet sees them, to N pictures; one at a time, so that memory does not grow with N. */
export async function decodeLatents(
  latents: Float32Array,
  [count, channels, height, width]: readonly [number, number, number, number],
  { session, config }: VaeDecoder,
): Promise<RgbImage[]> {
  const size = channels * height * width;
  const images: RgbImage[] = [];
  for (let i = 0; i < count; i++) {
    const unscaled = latents.slice(i * size, (i + 1) * size).map((value) => value / config.scalingFactor);
    const { image } = await session.run({ latents: new Tensor("float32", unscaled, [1, channels, height, width]) });
    images.push(toPicture(image!));
  }
  return images;
}

/** [1, 3, H, W], -1..1, as interleaved bytes. */
function toPicture({ data, dims }: Tensor): RgbImage {
  const [, , height, width] = dims as [number, number, number, number];
  const planes = data as Float32Array;
  const pixels = height * width;
  const bytes = new Uint8Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) {
      const unit = Math.min(1, Math.max(0, planes[c * pixels + i]! / 2 + 0.5));
      bytes[3 * i + c] = Math.round(unit * 255);
    }
  }
  return { data: bytes, width, height };
}
