/** The decoding itself, within the decoder's process. */
import { type RgbImage, rgbImage } from "@armature/pixels";
import { UnsupportedImage } from "../errors.js";
import { damaged, type PictureHeader } from "../picture-header.js";
import { sharp } from "../sharp.js";
import { type DecodedPixels, type DecodeManner, wholeJpeg } from "./whole-jpeg.js";

/** The pixels of a file that has this header. Throws UnsupportedImage. */
export async function decodePixels(file: Buffer, header: PictureHeader): Promise<DecodedPixels> {
  try {
    if (header.format !== "JPEG") return { image: await decoded(file, header) };
    return await wholeJpeg(file, (bytes, manner) => decoded(bytes, header, manner));
  } catch (cause) {
    throw cause instanceof UnsupportedImage ? cause : damaged(header.format, cause);
  }
}

const USUAL: DecodeManner = { failOn: "error", upright: true };

async function decoded(file: Buffer, header: PictureHeader, { failOn, upright } = USUAL): Promise<RgbImage> {
  const limitInputPixels = header.width * header.height; // no more than was made room for
  const { space, channels, width, height } = await sharp(file, { limitInputPixels }).metadata();
  const pipeline = sharp(file, { limitInputPixels, failOn, autoOrient: upright, ignoreIcc: space !== "cmyk" });
  // the decoder forgets a canvas that is larger than 2048, or a usual size of screens, and keeps what the frames fill
  if (header.format === "GIF") {
    pipeline.extend({ right: header.width - width, bottom: header.height - height, background: "#0000" });
  }
  const { data, info } = await pipeline.toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== 3 && info.channels !== 4) {
    throw new UnsupportedImage(
      `This ${header.format} has ${channels} channels; grey, RGB or CMYK is wanted, alpha allowed`,
    );
  }
  return rgbImage(data, info.channels, info.width, info.height);
}
