/** Pixels as a picture file. Nothing but pixels goes in: no EXIF, no profile, no place or name. */
import { DEFAULT_JPEG_QUALITY, type OutputFormat } from "@armature/contract";
import { channelCount, type GreyImage, type RgbImage } from "@armature/pixels";
import { sharp } from "./sharp.js";

export interface Encoding {
  format: OutputFormat;
  /** 1 to 100. WebP without it is lossless, JPEG without it takes `DEFAULT_JPEG_QUALITY`; PNG has none. */
  quality?: number | undefined;
}

/** Pixels above which lossless WebP is made with the least effort: at 49 megapixels in 2 s and 735 MB instead of 7 s and 1.6 GB. */
const FULL_EFFORT_PIXELS = 4_000_000;

/** Bytes per pixel that encoding without loss holds beside the pixels, the file with them, measured on noise. */
const ENCODER_BYTES = { png: 4, webp: 42, webpAtLeastEffort: 28 };

/** Bytes that encoding a picture of `pixels` pixels without loss holds, with the pixels themselves. */
export function encodingBytes(pixels: number, format: "png" | "webp"): number {
  const encoder = format === "webp" && pixels > FULL_EFFORT_PIXELS ? "webpAtLeastEffort" : format;
  return (3 + ENCODER_BYTES[encoder]) * pixels;
}

/** Encodes a picture; PNG and WebP without quality keep every level. Grey stays grey where the format knows it (not WebP). */
export function encodeImage(image: RgbImage | GreyImage, { format, quality }: Encoding): Promise<Buffer> {
  const { data, width, height } = image;
  const channels = channelCount(image);
  const pixels = sharp(data, { raw: { width, height, channels } }).toColourspace(channels === 1 ? "b-w" : "srgb");
  if (format === "png") return pixels.png().toBuffer();
  if (format === "jpeg")
    return pixels.jpeg({ quality: quality ?? DEFAULT_JPEG_QUALITY, chromaSubsampling: "4:4:4" }).toBuffer();
  const effort = width * height > FULL_EFFORT_PIXELS ? { effort: 0 } : {};
  return pixels.webp(quality === undefined ? { lossless: true, ...effort } : { quality }).toBuffer();
}
