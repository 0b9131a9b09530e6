import type { ByteBudget } from "@armature/core";
import { type DecodeLimits, type DecodeOptions, decodeImage } from "@armature/images";
import type { RgbImage } from "@armature/pixels";
import { decodingNeeds } from "@armature/service";

interface LookOptions extends Pick<DecodeOptions, "onWarning"> {
  decodeLimits: DecodeLimits;
  /** Where there is room for the pixels, as long as decoding takes. */
  pixels: ByteBudget;
  signal: AbortSignal;
}

/** Decodes a file that will wait as a file, to see what is wrong with it. The pixels are not to be kept. Throws as `decodeImage` does. */
export async function lookAt(
  file: Uint8Array,
  { decodeLimits, pixels, signal, onWarning }: LookOptions,
): Promise<RgbImage> {
  const held = await pixels.reserveInTurn(decodingNeeds(file, decodeLimits).bytes, signal);
  try {
    return await decodeImage(file, decodeLimits, { signal, onWarning });
  } finally {
    held.release();
  }
}
