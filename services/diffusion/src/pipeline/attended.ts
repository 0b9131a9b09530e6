import { Tensor } from "onnxruntime-node";
import { attendedTokens } from "../networks/ports/attended-tokens.js";
import type { EncoderConfig } from "../networks/unet-config.js";

/** What UNet and ControlNets are fed for token downsampling for latents of `height` x `width`; `factor` 1: none. */
export function attendedFeed(c: EncoderConfig, [height, width]: readonly [number, number], factor: number) {
  const tokens = attendedTokens(c, [height, width], factor);
  return { attended_tokens: new Tensor("int32", tokens, [tokens.length]) };
}
