import {
  averageOverPixels,
  conv2d,
  defineNetwork,
  type FeatureMap,
  inComputeType,
  mapOf,
  mul,
  picturePort,
  product,
  type Scope,
  silu,
  slice,
  tensorPort,
  type Value,
} from "@armature/graph";
import type { ModelConfig } from "@armature/weights";
import { downPath, midBlock, timeEmbedding } from "./encoder.js";
import { attendedPort } from "./ports/attended-tokens.js";
import { addResidual, previousPorts, residualNames } from "./ports/control-residuals.js";
import { hintPort } from "./ports/hint.js";
import { encoderCrossAttention, type GivenPrompt, promptPorts } from "./ports/prompt.js";
import { type EncoderConfig, readEncoder } from "./unet-config.js";

export interface ControlNetConfig extends EncoderConfig {
  conditioningChannels: number;
  /** Channels of the conditioning embedding; each step but the first halves the picture. */
  embeddingChannels: number[];
  /** Residuals are averaged over the pixels (the shuffle ControlNet). */
  globalPool: boolean;
}

/** ControlNetModel's config.json as our own. */
export function readControlNetConfig(config: ModelConfig): ControlNetConfig {
  const encoder = readEncoder(config);
  config.require({
    addition_embed_type: null,
    addition_time_embed_dim: null,
    controlnet_conditioning_channel_order: "rgb",
    encoder_hid_dim: null,
    encoder_hid_dim_type: null,
  });
  const controlnet: ControlNetConfig = {
    ...encoder,
    conditioningChannels: config.integer("conditioning_channels", 3),
    embeddingChannels: config.integers("conditioning_embedding_out_channels", [16, 32, 96, 256]),
    globalPool: config.boolean("global_pool_conditions", false),
  };
  config.done();
  return controlnet;
}

/**
 * ControlNet: the UNet's inputs, the hint, one scale for each residual, and what the nets before it gave → for each residual, what came
 * before plus its own, scaled. So any number of nets chain, and their tensors are never looked at between.
 */
export const controlnetNetwork = defineNetwork({
  name: "controlnet",
  label: "ControlNet",
  digits: "int8",
  read: readControlNetConfig,
  inputs: (c: ControlNetConfig) => ({
    sample: picturePort(["B", c.inChannels, "H", "W"]),
    timestep: tensorPort("float32", [1]),
    attended_tokens: attendedPort,
    hint: hintPort(c),
    scales: tensorPort("float32", [residualNames(c).length]),
    prompt: promptPorts(encoderCrossAttention(c)),
    previous: previousPorts(c),
  }),
  outputs: "device",
  *write(g, { attended_tokens: attended, scales, previous, ...inputs }, c) {
    const factors = inComputeType(scales);
    const own = controlnet(g, { ...inputs, attended }, c);
    const before = Object.values(previous);
    for (const [i, name] of residualNames(c).entries()) {
      const scaled = mapOf(own[i]!, mul(own[i]!.value, slice(factors, 0, i, i + 1)));
      yield [name, addResidual(scaled, before[i]!).value];
    }
  },
});

const EMBEDDING = "controlnet_cond_embedding";

/** The part of a ControlNet that looks at the control picture, 0..1. No step changes the hint: once per request is enough. */
export const conditioningEmbeddingNetwork = defineNetwork({
  name: "conditioning embedding",
  label: "hint",
  read: readControlNetConfig,
  inputs(c: ControlNetConfig) {
    const factor = 2 ** (c.embeddingChannels.length - 1);
    return { image: picturePort(["B", c.conditioningChannels, product(factor, "H"), product(factor, "W")]) };
  },
  outputs: "device",
  write: (g, { image }, c) => ({ hint: hintPort(c).give(conditioningEmbedding(g.at(EMBEDDING), image, c)) }),
});

interface ControlNetInputs {
  sample: FeatureMap; // (B, 4, H, W)
  timestep: Value; // [1]
  prompt: GivenPrompt;
  attended: Value; // [T]
  hint: Value; // the conditioning embedding, for one picture or for B
}

/** ControlNet: arXiv:2302.05543. The UNet's encoder, with the hint added at its start and a 1x1 convolution on each result. */
function controlnet(
  g: Scope,
  { sample, timestep, prompt, attended, hint }: ControlNetInputs,
  c: ControlNetConfig,
): FeatureMap[] {
  const given = { temb: timeEmbedding(g.at("time_embedding"), timestep, c), prompt, attended };
  const x = hintPort(c).addTo(conv2d(g.at("conv_in"), sample, c.levels[0]!.channels), hint);
  const down = downPath(g, x, given, c);
  const mid = midBlock(g.at("mid_block"), down.h, given, c);
  const residual = (at: Scope, h: FeatureMap) => {
    const y = conv2d(at, h, h.channels, { kernel: 1 });
    return c.globalPool ? averageOverPixels(y) : y;
  };
  return [
    ...down.skips.map((skip, i) => residual(g.at("controlnet_down_blocks", i), skip)),
    residual(g.at("controlnet_mid_block"), mid),
  ];
}

/** The control picture (B, 3, 8H, 8W) → the hint (B, 320, H, W). */
function conditioningEmbedding(g: Scope, image: FeatureMap, c: ControlNetConfig): FeatureMap {
  const [first, ...rest] = c.embeddingChannels;
  let h = silu(conv2d(g.at("conv_in"), image, first!));
  for (const [i, channels] of rest.entries()) {
    h = silu(conv2d(g.at("blocks", 2 * i), h, h.channels));
    h = silu(conv2d(g.at("blocks", 2 * i + 1), h, channels, { stride: 2 }));
  }
  return conv2d(g.at("conv_out"), h, c.levels[0]!.channels);
}
