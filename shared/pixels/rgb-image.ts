/** Pictures of three channels. */
import { setImmediate } from "node:timers/promises";

/** A picture in memory: 8 bits, three channels, no alpha. What every processor and pipeline takes and gives. */
export interface RgbImage {
  /** R, G, B interleaved: [H, W, 3], 0 to 255. */
  data: Uint8Array;
  width: number;
  height: number;
}

/** Pixels between two turns of the event loop: a few milliseconds of work. */
const PIXELS_A_TURN = 1_000_000;

/**
 * Pixels with 3 or 4 channels (the fourth is alpha, not premultiplied) as RGB. Alpha goes onto white just as in controlnet_aux's
 * HWC3, which annotators apply to every input: c·α + 255·(1 − α) in float32, cut (not rounded) to a level.
 * Asynchronous, because 50 megapixels take 0.3 s and the HTTP thread must answer meanwhile.
 */
export async function rgbImage(pixels: Uint8Array, channels: 3 | 4, width: number, height: number): Promise<RgbImage> {
  if (channels === 3) return { data: pixels, width, height };
  const data = new Uint8Array(width * height * 3);
  for (let start = 0; start < width * height; start += PIXELS_A_TURN) {
    if (start > 0) await setImmediate();
    flatten(pixels, data, start, Math.min(start + PIXELS_A_TURN, width * height));
  }
  return { data, width, height };
}

/** Fills the pixels `start` to `end` of `rgb` from those of `rgba`. */
function flatten(rgba: Uint8Array, rgb: Uint8Array, start: number, end: number): void {
  for (let from = start * 4, to = start * 3; to < end * 3; from += 4) {
    const row = rgba[from + 3]! << 8;
    rgb[to++] = ON_WHITE[row | rgba[from]!]!;
    rgb[to++] = ON_WHITE[row | rgba[from + 1]!]!;
    rgb[to++] = ON_WHITE[row | rgba[from + 2]!]!;
  }
}

/** [256 alphas, 256 levels]: a picture has millions of values, but only this many different ones. */
const ON_WHITE = Uint8Array.from({ length: 65536 }, (_, index) => {
  const alpha = Math.fround((index >> 8) / 255);
  const colour = Math.fround((index & 255) * alpha);
  return Math.trunc(Math.fround(colour + Math.fround(255 * Math.fround(1 - alpha))));
});
