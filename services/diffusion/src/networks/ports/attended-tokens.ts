/**
 * Token downsampling, arXiv:2402.13573: at the finest level that attends, all tokens ask, but only every n-th row and column of
 * them is asked. Neighbours are much alike there, and attention costs the product of both numbers.
 */
import { gatherAxis, reshape, type Tokens, tensorPort, tokensOf, type Value } from "@armature/graph";
import type { EncoderConfig } from "../unet-config.js";

/** The finest level that attends on the way down, counted from the finest of all: 0 where none does. */
export function downsampledLevel({ levels }: Pick<EncoderConfig, "levels">): number {
  return Math.max(
    0,
    levels.findIndex(({ transformerLayers }) => transformerLayers > 0),
  );
}

/** The tokens that are asked, [T]: places in the level's rows of tokens. */
export const attendedPort = tensorPort("int32", ["T"]);

/** Every `factor`-th row and column of that level, for latents of `height` x `width`: what `attendedPort` takes. 1: all. */
export function attendedTokens(
  c: EncoderConfig,
  [height, width]: readonly [number, number],
  factor: number,
): Int32Array {
  const side = (latents: number) => Math.ceil(latents / 2 ** downsampledLevel(c)); // a level halves, rounding up
  const [rows, columns] = [side(height), side(width)];
  const every = (size: number) => Array.from({ length: Math.ceil(size / factor) }, (_, i) => i * factor);
  return Int32Array.from(every(rows).flatMap((y) => every(columns).map((x) => y * columns + x)));
}

/** The attended ones of tokens (B, S, D): (B, T, D). */
export function takeAttended(x: Tokens, attended: Value): Tokens {
  const [length] = attended.shape as [Tokens["length"]];
  if (length === x.length) return x; // the graph is for one size, at which these are all
  const kept = gatherAxis(reshape(x.value, [x.batch, x.length, x.width]), attended, 1); // [B, T, D]
  return { ...tokensOf(x, reshape(kept, [-1, x.width])), length };
}
