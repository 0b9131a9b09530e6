import type { RgbImage } from "@armature/pixels";
import type { Session } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import type { VaeConfig } from "../networks/vae.js";
import { decodeInTiles, type TiledLatents, type TilePlan } from "./tiled-decode.js";

/** The VAE's decoder, loaded. */
interface VaeDecoder {
  /** Larger latents are decoded in tiles; undefined: never. */
  tiles?: TilePlan | undefined;
  session: Session;
  config: VaeConfig;
}

/** Latents [N, 4, h, w], as the UNet sees them, to N pictures; one at a time, so that memory does not grow with N. */
export async function decodeLatents(
  latents: Float32Array,
  [count, channels, height, width]: readonly [number, number, number, number],
  decoder: VaeDecoder,
): Promise<RgbImage[]> {
  const { config } = decoder;
  const size = channels * height * width;
  const images: RgbImage[] = [];
  for (let i = 0; i < count; i++) {
    const unscaled = latents.slice(i * size, (i + 1) * size).map((value) => value / config.scalingFactor);
    const planes = await decodePlanes({ data: unscaled, channels, height, width }, decoder);
    images.push(toPicture(planes, height * config.scale, width * config.scale));
  }
  return images;
}

/** One picture [3, H, W], -1..1; in tiles if it is larger than the device takes whole. */
function decodePlanes(latents: TiledLatents, { session, config, tiles }: VaeDecoder): Promise<Float32Array> {
  const { channels, height, width } = latents;
  const whole = async (data: Float32Array, h: number, w: number) => {
    const { image } = await session.run({ latents: new Tensor("float32", data, [1, channels, h, w]) });
    return image!.data as Float32Array;
  };
  if (!tiles || Math.max(height, width) <= tiles.side) return whole(latents.data, height, width);
  return decodeInTiles(latents, tiles, config.scale, whole);
}

/** [3, H, W], -1..1, as interleaved bytes. */
function toPicture(planes: Float32Array, height: number, width: number): RgbImage {
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
