/** Pixels as a picture file. Nothing but pixels goes in: no EXIF, no profile, no place or name. */
import { DEFAULT_JPEG_QUALITY, type OutputFormat } from "@armature/contract";
import { channelCount, type GreyImage, type RgbImage } from "@armature/pixels";
import { sharp } from "./sharp.js";

export interface Encoding {
  format: OutputFormat;
  /** 1 to 100. WebP without it is lossless, JPEG without it takes `DEFAULT_JPEG_QUALITY`; PNG has none. */
  quality?: number | undefined;
}

/** Encodes a picture; PNG and WebP without quality keep every level. Grey stays grey where the format knows it (not WebP). */
export function encodeImage(image: RgbImage | GreyImage, { format, quality }: Encoding): Promise<Buffer> {
  const { data, width, height } = image;
  const channels = channelCount(image);
  const pixels = sharp(data, { raw: { width, height, channels } }).toColourspace(channels === 1 ? "b-w" : "srgb");
  if (format === "png") return pixels.png().toBuffer();
  if (format === "jpeg")
    return pixels.jpeg({ quality: quality ?? DEFAULT_JPEG_QUALITY, chromaSubsampling: "4:4:4" }).toBuffer();
  return pixels.webp(quality === undefined ? { lossless: true } : { quality }).toBuffer();
}
