/** What a network's cross-attention layers see of the prompt. No step changes it: once per request is enough. */
import { defineNetwork, inComputeType, reshape, type Tokens, tensorPort, type Value } from "@armature/graph";
import type { ModelConfig } from "@armature/weights";
import { keyValue } from "./blocks.js";
import { readControlNetConfig } from "./controlnet.js";
import { type CrossAttention, encoderCrossAttention, giveKeyValue, unetCrossAttention } from "./ports/prompt.js";
import { type EncoderConfig, readUNetConfig } from "./unet-config.js";

/** `context` [B, S, D] → key and value of each cross-attention layer, as the UNet takes them. */
export const unetPromptNetwork = promptNetwork(readUNetConfig, unetCrossAttention);

/** The same for a ControlNet, which has projections of its own. */
export const controlnetPromptNetwork = promptNetwork(readControlNetConfig, encoderCrossAttention);

function promptNetwork<C extends EncoderConfig>(
  read: (config: ModelConfig) => C,
  layersOf: (config: C) => CrossAttention[],
) {
  return defineNetwork({
    name: "prompt projections",
    label: "prompt",
    digits: "int8",
    read,
    inputs: (c: C) => ({ context: tensorPort("float32", ["B", "S", c.contextWidth]) }),
    outputs: "device",
    *write(g, { context }, c) {
      const tokens = asTokens(context);
      for (const layer of layersOf(c)) yield* giveKeyValue(layer, keyValue(g.at(layer.path), tokens, layer.width));
    },
  });
}

function asTokens(context: Value): Tokens {
  const [batch, length, width] = context.shape as [Tokens["batch"], Tokens["length"], number];
  return { value: reshape(inComputeType(context), [-1, width]), batch, length, width };
}
