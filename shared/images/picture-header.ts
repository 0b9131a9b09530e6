/** A picture's size from its first bytes, so that it can be refused, or room be made for it, before anything is decoded. */
import { UnsupportedImage } from "./errors.js";
import { avifFacts } from "./headers/avif.js";
import type { ContainerFacts, FactsReader } from "./headers/container-facts.js";
import { INPUT_FORMATS, type InputFormat, inputFormat, refusedFormat } from "./headers/format.js";
import { gifFacts } from "./headers/gif.js";
import { jpegFacts } from "./headers/jpeg.js";
import { pngFacts } from "./headers/png.js";
import { tiffFacts } from "./headers/tiff.js";
import { webpFacts } from "./headers/webp.js";

/**
 * Films of a minute and more have fewer. The decoder of WebP takes time quadratic in the number: 0.14 s for these, 14 s for 80,000,
 * though only the first frame is taken.
 */
export const MAX_FRAMES = 5_000;

export interface PictureHeader extends ContainerFacts {
  format: InputFormat;
}

const READERS: Record<InputFormat, FactsReader> = {
  JPEG: jpegFacts,
  PNG: pngFacts,
  WebP: webpFacts,
  AVIF: avifFacts,
  GIF: gifFacts,
  TIFF: tiffFacts,
};

/**
 * Format, width and height in pixels, and frames, counted to MAX_FRAMES + 1. Decoded pixels are at most that many: a file that turns out
 * larger than it said is refused. Takes time linear in the bytes, a small part of what decoding takes.
 * Throws UnsupportedImage: no accepted format, or the header is cut off.
 */
export function pictureHeader(bytes: Uint8Array): PictureHeader {
  const format = acceptedFormat(bytes);
  const facts = READERS[format](Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), MAX_FRAMES);
  if (!facts || facts.width === 0 || facts.height === 0) throw damaged(format);
  return { format, ...facts };
}

export const damaged = (format: InputFormat, cause?: unknown) =>
  new UnsupportedImage(`This ${format} is cut off or damaged; send the whole file`, { cause });

function acceptedFormat(bytes: Uint8Array): InputFormat {
  const format = inputFormat(bytes);
  if (format) return format;
  const wanted = `${INPUT_FORMATS.slice(0, -1).join(", ")} or ${INPUT_FORMATS.at(-1)}`;
  const found = refusedFormat(bytes);
  if (bytes.length === 0) throw new UnsupportedImage(`The picture is empty; send ${wanted}`);
  throw new UnsupportedImage(
    found ? `${found} is not accepted; send ${wanted}` : `This is not a picture; send ${wanted}`,
  );
}
