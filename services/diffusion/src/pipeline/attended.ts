import { Tensor } from "onnxruntime-node";
import { attendedTokens } from "../networks/token-downsampling.js";
import type { EncoderConfig } from "../networks/unet-config.js";

/** The networks' input of token downsampling for latents of `height` x `width`; `factor` 1: none. */
export function attendedInput(c: EncoderConfig, [height, width]: readonly [number, number], factor: number) {
  const tokens = attendedTokens(c, [height, width], factor);
  return { attended_tokens: new Tensor("int32", tokens, [tokens.length]) };
}
