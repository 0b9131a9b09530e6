import type { ModelConfig } from "@armature/weights";

/** One resolution of the UNet, finest first. */
interface UNetLevel {
  channels: number;
  /** Transformer layers after each residual block; 0 where the level has no attention. */
  transformerLayers: number;
  heads: number;
}

/** What UNet and ControlNet share. */
export interface EncoderConfig {
  inChannels: number;
  levels: UNetLevel[];
  layersPerLevel: number;
  midTransformerLayers: number;
  midHeads: number;
  contextWidth: number;
  normGroups: number;
  normEps: number;
  flipSinToCos: boolean;
  frequencyShift: number;
}

export interface UNetConfig extends EncoderConfig {
  outChannels: number;
  /** Whether the levels, coarse to fine, have attention on the way up. */
  upAttends: boolean[];
  /** Default side of the latents. */
  sampleSize: number;
}

const DOWN_BLOCKS = ["CrossAttnDownBlock2D", "DownBlock2D"] as const;
const UP_BLOCKS = ["CrossAttnUpBlock2D", "UpBlock2D"] as const;

/** UNet2DConditionModel's config.json as our own; defaults are those of the class in diffusers. */
export function readUNetConfig(config: ModelConfig): UNetConfig {
  const encoder = readEncoder(config);
  const upBlocks = config.names("up_block_types", UP_BLOCKS, ["UpBlock2D", ...Array(3).fill("CrossAttnUpBlock2D")]);
  config.require({
    addition_embed_type: null,
    addition_time_embed_dim: null,
    attention_type: "default",
    center_input_sample: false,
    class_embeddings_concat: false,
    conv_in_kernel: 3,
    conv_out_kernel: 3,
    cross_attention_norm: null,
    dual_cross_attention: false,
    encoder_hid_dim: null,
    encoder_hid_dim_type: null,
    mid_block_only_cross_attention: false,
    resnet_out_scale_factor: 1,
    resnet_skip_time_act: false,
    reverse_transformer_layers_per_block: null,
    time_cond_proj_dim: null,
    time_embedding_act_fn: null,
    time_embedding_dim: null,
    time_embedding_type: "positional",
    timestep_post_act: null,
  });
  const unet: UNetConfig = {
    ...encoder,
    outChannels: config.integer("out_channels", 4),
    upAttends: upBlocks.map((name) => name === "CrossAttnUpBlock2D"),
    sampleSize: config.integer("sample_size", 64),
  };
  config.done();
  return unet;
}

/** The keys of the contracting half, which ControlNetModel has too. */
export function readEncoder(config: ModelConfig): EncoderConfig {
  const channels = config.integers("block_out_channels", [320, 640, 1280, 1280]);
  const count = channels.length;
  const downBlocks = config.names("down_block_types", DOWN_BLOCKS, [...Array(3).fill(DOWN_BLOCKS[0]), DOWN_BLOCKS[1]]);
  // diffusers named the number of heads attention_head_dim before it had num_attention_heads, and kept that
  const headsKey = config.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  const heads = config.countPerLevel(headsKey, count, 8);
  const layers = config.countPerLevel("transformer_layers_per_block", count, 1);
  config.require({
    act_fn: "silu",
    class_embed_type: null,
    downsample_padding: 1,
    mid_block_scale_factor: 1,
    mid_block_type: "UNetMidBlock2DCrossAttn",
    num_class_embeds: null,
    only_cross_attention: false,
    projection_class_embeddings_input_dim: null,
    resnet_time_scale_shift: "default",
  });
  // a 1x1 convolution and a linear layer are one thing here; attention is computed in float32 or by fused kernels that sum so
  config.ignore(
    "attention_head_dim",
    "use_linear_projection",
    "upcast_attention",
    "dropout",
    "addition_embed_type_num_heads",
  );
  const levels = channels.map((width, i) => ({
    channels: width,
    transformerLayers: downBlocks[i] === "CrossAttnDownBlock2D" ? layers[i]! : 0,
    heads: heads[i]!,
  }));
  return {
    inChannels: config.integer("in_channels", 4),
    levels,
    layersPerLevel: config.count("layers_per_block", 2),
    midTransformerLayers: layers[count - 1]!,
    midHeads: levels[count - 1]!.heads,
    contextWidth: config.integer("cross_attention_dim", 1280),
    normGroups: config.count("norm_num_groups", 32),
    normEps: config.number("norm_eps", 1e-5),
    flipSinToCos: config.boolean("flip_sin_to_cos", true),
    frequencyShift: config.number("freq_shift", 0),
  };
}
