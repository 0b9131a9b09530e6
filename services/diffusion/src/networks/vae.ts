import {
  add,
  attention,
  cast,
  conv2d,
  defineNetwork,
  type FeatureMap,
  fromTokens,
  groupNorm,
  linear,
  picturePort,
  product,
  type Scope,
  silu,
  toNchw,
  toTokens,
} from "@armature/graph";
import type { ModelConfig } from "@armature/weights";
import { resnetBlock, upsample } from "./blocks.js";

export interface VaeConfig {
  channels: number[]; // finest level first
  layersPerLevel: number;
  latentChannels: number;
  imageChannels: number;
  normGroups: number;
  /** Latents times this have unit deviation; the UNet works on those. */
  scalingFactor: number;
  /** Pixels a latent cell spans in each direction. */
  scale: number;
}

const EPSILON = 1e-6;

/** Latents, already divided by the scaling factor → the picture, -1..1. */
export const vaeDecoderNetwork = defineNetwork({
  name: "VAE decoder",
  digits: "float32",
  read: readVaeConfig,
  inputs: (c: VaeConfig) => ({ latents: picturePort(["B", c.latentChannels, "H", "W"]) }),
  outputs: "caller",
  write: (g, { latents }, c) => ({ image: cast(toNchw(vaeDecoder(g, latents, c)), "float32") }),
});

/** The picture, -1..1 → `moments` [B, 8, H, W]: mean, then log variance. */
export const vaeEncoderNetwork = defineNetwork({
  name: "VAE encoder",
  digits: "float32",
  read: readVaeConfig,
  inputs: (c: VaeConfig) => ({
    image: picturePort(["B", c.imageChannels, product(c.scale, "H"), product(c.scale, "W")]),
  }),
  outputs: "caller",
  write: (g, { image }, c) => ({ moments: cast(toNchw(vaeEncoder(g, image, c)), "float32") }),
});

/** AutoencoderKL's config.json as our own. */
export function readVaeConfig(config: ModelConfig): VaeConfig {
  const channels = config.integers("block_out_channels", [128, 256, 512, 512]);
  config.names("down_block_types", ["DownEncoderBlock2D"], ["DownEncoderBlock2D"]);
  config.names("up_block_types", ["UpDecoderBlock2D"], ["UpDecoderBlock2D"]);
  config.require({
    act_fn: "silu",
    latents_mean: null,
    latents_std: null,
    mid_block_add_attention: true,
    shift_factor: null,
    use_post_quant_conv: true,
    use_quant_conv: true,
  });
  // force_upcast speaks of float16: whether that will do, each device shows for itself
  config.ignore("sample_size", "force_upcast");
  const vae: VaeConfig = {
    channels,
    layersPerLevel: config.count("layers_per_block", 1),
    latentChannels: config.integer("latent_channels", 4),
    imageChannels: config.integer("in_channels", 3),
    normGroups: config.count("norm_num_groups", 32),
    scalingFactor: config.number("scaling_factor", 0.18215),
    scale: 2 ** (channels.length - 1),
  };
  config.require({ out_channels: vae.imageChannels });
  config.done();
  return vae;
}

/** Latents (B, 4, H, W), already divided by the scaling factor → picture (B, 3, 8H, 8W), -1..1. */
function vaeDecoder(g: Scope, latents: FeatureMap, c: VaeConfig): FeatureMap {
  const norm = { groups: c.normGroups, epsilon: EPSILON };
  const decoder = g.at("decoder");
  let h = conv2d(g.at("post_quant_conv"), latents, c.latentChannels, { kernel: 1 });
  h = midBlock(decoder.at("mid_block"), conv2d(decoder.at("conv_in"), h, c.channels.at(-1)!), c);
  for (const [i, channels] of c.channels.toReversed().entries()) {
    const block = decoder.at("up_blocks", i);
    for (let j = 0; j <= c.layersPerLevel; j++) h = resnetBlock(block.at("resnets", j), h, channels, norm);
    if (i < c.channels.length - 1) {
      h = upsample(block.at("upsamplers", 0), h, product(2, h.height), product(2, h.width));
    }
  }
  h = silu(groupNorm(decoder.at("conv_norm_out"), h, c.normGroups, EPSILON));
  return conv2d(decoder.at("conv_out"), h, c.imageChannels);
}

/** Picture (B, 3, 8H, 8W), -1..1 → the posterior's mean and log variance (B, 2 * 4, H, W), not scaled. */
function vaeEncoder(g: Scope, image: FeatureMap, c: VaeConfig): FeatureMap {
  const norm = { groups: c.normGroups, epsilon: EPSILON };
  const encoder = g.at("encoder");
  let h = conv2d(encoder.at("conv_in"), image, c.channels[0]!);
  for (const [i, channels] of c.channels.entries()) {
    const block = encoder.at("down_blocks", i);
    for (let j = 0; j < c.layersPerLevel; j++) h = resnetBlock(block.at("resnets", j), h, channels, norm);
    if (i < c.channels.length - 1) {
      // the reference pads below and to the right only
      h = conv2d(block.at("downsamplers", 0, "conv"), h, channels, { stride: 2, padding: [0, 0, 1, 1] });
    }
  }
  h = midBlock(encoder.at("mid_block"), h, c);
  h = silu(groupNorm(encoder.at("conv_norm_out"), h, c.normGroups, EPSILON));
  h = conv2d(encoder.at("conv_out"), h, 2 * c.latentChannels);
  return conv2d(g.at("quant_conv"), h, 2 * c.latentChannels, { kernel: 1 });
}

function midBlock(g: Scope, x: FeatureMap, c: VaeConfig): FeatureMap {
  const norm = { groups: c.normGroups, epsilon: EPSILON };
  let h = resnetBlock(g.at("resnets", 0), x, x.channels, norm);
  h = pixelAttention(g.at("attentions", 0), h, c.normGroups);
  return resnetBlock(g.at("resnets", 1), h, x.channels, norm);
}

/** One head over all pixels. Checkpoints before diffusers 0.15 name its layers otherwise. */
function pixelAttention(g: Scope, x: FeatureMap, normGroups: number): FeatureMap {
  const [q, k, v, out] = g.has("query.weight")
    ? ["query", "key", "value", "proj_attn"]
    : ["to_q", "to_k", "to_v", "to_out.0"];
  const tokens = toTokens(groupNorm(g.at("group_norm"), x, normGroups, EPSILON));
  const project = (name: string) => linear(g.at(name), tokens, x.channels);
  const attended = attention({ query: project(q!), key: project(k!), value: project(v!) }, { heads: 1 });
  return add(fromTokens(linear(g.at(out!), attended, x.channels), x), x);
}
