/** Somebody's picture file as RGB pixels, within bounded time and memory. */
import { ImageTooLarge } from "@armature/core";
import { type RgbImage, rgbImage } from "@armature/pixels";
import { UnsupportedImage } from "./errors.js";
import { INPUT_FORMATS, type InputFormat, inputFormat, refusedFormat } from "./format.js";
import { jpegScans } from "./jpeg-scans.js";
import { sharp } from "./sharp.js";

/**
 * Encoders write about ten. libjpeg sets no limit and cannot be interrupted between scans: a file of 220 KB with a thousand kept it
 * busy for 4 s, one of 32 MB would for half an hour.
 */
const MAX_JPEG_SCANS = 100;

export interface DecodeLimits {
  /** Width times height, checked before any pixel is decoded. */
  maxPixels: number;
  /** Seconds that decoding may take; whole, at least 1. */
  timeoutS: number;
}

/**
 * Decodes JPEG, PNG, WebP, AVIF, GIF (first frame) or TIFF (first page), whatever its depth and colour model, to RGB.
 * The EXIF orientation is applied, alpha goes onto white (`rgbImage`). Embedded RGB and grey profiles are ignored, as Pillow's
 * `convert("RGB")` does, so that annotators see the same levels as the reference; CMYK goes through its profile.
 * Throws UnsupportedImage (no accepted format, cut off, damaged, too slow) or ImageTooLarge (naming both sizes).
 */
export async function decodeImage(bytes: Uint8Array, limits: DecodeLimits): Promise<RgbImage> {
  const format = acceptedFormat(bytes);
  await checkHeader(bytes, format, limits.maxPixels);
  const pipeline = sharp(bytes, {
    limitInputPixels: limits.maxPixels,
    failOn: "error", // stricter, and photographs with harmless irregularities are refused; laxer, and cut ones pass
    autoOrient: true,
    ignoreIcc: true,
  });
  try {
    const { data, info } = await pipeline
      .toColourspace("srgb")
      .timeout({ seconds: limits.timeoutS })
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3 && info.channels !== 4) {
      throw new UnsupportedImage(
        `This ${format} has ${info.channels} channels; grey, RGB or CMYK is wanted, alpha allowed`,
      );
    }
    return await rgbImage(data, info.channels, info.width, info.height);
  } catch (cause) {
    if (cause instanceof UnsupportedImage) throw cause;
    if (cause instanceof Error && cause.message.startsWith("timeout")) {
      throw new UnsupportedImage(
        `This ${format} could not be decoded within ${limits.timeoutS} s; send a smaller one`,
        { cause },
      );
    }
    throw damaged(format, cause);
  }
}

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

/** Width and height are read from the file's header alone. */
async function checkHeader(bytes: Uint8Array, format: InputFormat, maxPixels: number) {
  const { width, height } = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch((cause: unknown) => {
      throw damaged(format, cause);
    });
  if (width * height > maxPixels) {
    throw new ImageTooLarge(
      `The picture has ${width}x${height} = ${width * height} pixels; at most ${maxPixels} are accepted. Scale it down`,
    );
  }
  if (format === "JPEG" && jpegScans(bytes, MAX_JPEG_SCANS) > MAX_JPEG_SCANS) {
    throw new UnsupportedImage(`This JPEG has more than ${MAX_JPEG_SCANS} scans; save it as a usual JPEG or PNG`);
  }
}

const damaged = (format: InputFormat, cause: unknown) =>
  new UnsupportedImage(`This ${format} is cut off or damaged; send the whole file`, { cause });
