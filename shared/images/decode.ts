/** Somebody's picture file as RGB pixels, within bounded time and memory, and outside this process. */
import { ImageTooLarge } from "@armature/core";
import type { RgbImage } from "@armature/pixels";
import { decoders } from "./decoder/decoder-pool.js";
import { UnsupportedImage } from "./errors.js";
import { jpegScans } from "./headers/jpeg.js";
import { tiffObstacle } from "./headers/tiff.js";
import { MAX_FRAMES, type PictureHeader, pictureHeader } from "./picture-header.js";
import { sharp } from "./sharp.js";

/**
 * Encoders write about ten. libjpeg sets no limit and cannot be interrupted between scans: a file of 220 KB with a thousand kept it
 * busy for 4 s, one of 32 MB would for half an hour.
 */
const MAX_JPEG_SCANS = 100;

export interface DecodeLimits {
  /** Width times height, checked before any pixel is decoded. */
  maxPixels: number;
  /** Seconds that decoding may take once its turn has come; then the process that does it is killed. */
  timeoutS: number;
}

export interface DecodeOptions {
  /** Ends the wait with its reason; the decoder is free for others soon after. */
  signal?: AbortSignal | undefined;
  /** Is told what was wrong with a picture that was taken all the same. */
  onWarning?: ((text: string) => void) | undefined;
}

/**
 * Decodes JPEG, PNG, WebP, AVIF, GIF (first frame) or TIFF (first page), of any depth and colour model, to RGB.
 * The EXIF orientation is applied, alpha goes onto white (`rgbImage`). Embedded RGB and grey profiles are ignored, as Pillow's
 * `convert("RGB")` does, so that annotators see the same levels as the reference; CMYK goes through its profile. A JPEG that ends in its
 * last row of blocks, and lacks no more than 2 % of its pixels, is taken, with a warning.
 * Throws UnsupportedImage (no accepted format, cut off, damaged, too slow, too many frames), ImageTooLarge (naming both sizes) or
 * DecoderCrashed.
 */
export async function decodeImage(
  bytes: Uint8Array,
  limits: DecodeLimits,
  { signal, onWarning }: DecodeOptions = {},
): Promise<RgbImage> {
  const header = pictureHeader(bytes);
  checkHeader(header, limits.maxPixels);
  checkContents(header, bytes);
  const order = { header, threads: sharp.concurrency() };
  const { image, warning } = await decoders.decode(order, bytes, { timeoutMs: limits.timeoutS * 1000, signal });
  if (warning) onWarning?.(warning);
  return image;
}

function checkHeader({ format, width, height, frames }: PictureHeader, maxPixels: number): void {
  if (width * height > maxPixels) {
    throw new ImageTooLarge(
      `The picture has ${width}x${height} = ${width * height} pixels; at most ${maxPixels} are accepted. Scale it down`,
    );
  }
  if (frames > MAX_FRAMES) {
    const parts = format === "TIFF" ? "pages" : "frames";
    throw new UnsupportedImage(`This ${format} has more than ${MAX_FRAMES} ${parts}; send the first one alone`);
  }
}

/** Refuses by name what would keep the decoder busy, or come out wrong. */
function checkContents({ format }: PictureHeader, bytes: Uint8Array): void {
  if (format === "JPEG" && jpegScans(bytes, MAX_JPEG_SCANS) > MAX_JPEG_SCANS) {
    throw new UnsupportedImage(`This JPEG has more than ${MAX_JPEG_SCANS} scans; save it as a usual JPEG or PNG`);
  }
  const obstacle =
    format === "TIFF" ? tiffObstacle(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) : undefined;
  if (obstacle) {
    throw new UnsupportedImage(`This TIFF holds ${obstacle}; save it as grey, RGB or CMYK of 8 or 16 bits a channel`);
  }
}
