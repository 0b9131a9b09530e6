import {
  addValues,
  averageOverPixels,
  cast,
  conv2d,
  type DeviceProfile,
  type FeatureMap,
  fromNchw,
  GraphBuilder,
  mapOf,
  mul,
  product,
  reshape,
  Scope,
  silu,
  slice,
  type Value,
  type WeightSource,
} from "@armature/graph";
import type { ModelConfig } from "@armature/weights";
import { downPath, midBlock, residualChannels, residualNames, timeEmbedding } from "./encoder.js";
import { type Prompt, promptInput, residualShape } from "./inputs.js";
import { PROMPT_WEIGHTS } from "./prompt-projections.js";
import { attendedInput } from "./token-downsampling.js";
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

export interface ControlNetInputs {
  sample: FeatureMap; // (B, 4, H, W)
  timestep: Value; // [1]
  prompt: Prompt;
  attended: Value; // [T]
  hint: Value; // the conditioning embedding, for one picture or for B
}

/** ControlNet: arXiv:2302.05543. The UNet's encoder, with the hint added at its start and a 1x1 convolution on each result. */
export function controlnet(
  g: Scope,
  { sample, timestep, prompt, attended, hint }: ControlNetInputs,
  c: ControlNetConfig,
): FeatureMap[] {
  const given = { temb: timeEmbedding(g.at("time_embedding"), timestep, c), prompt, attended };
  const x = plusHint(conv2d(g.at("conv_in"), sample, c.levels[0]!.channels), hint);
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

/** The control picture (B, 3, 8H, 8W), 0..1 → the hint (B, 320, H, W). It depends on no step: once a request is enough. */
export function conditioningEmbedding(g: Scope, image: FeatureMap, c: ControlNetConfig): FeatureMap {
  const [first, ...rest] = c.embeddingChannels;
  let h = silu(conv2d(g.at("conv_in"), image, first!));
  for (const [i, channels] of rest.entries()) {
    h = silu(conv2d(g.at("blocks", 2 * i), h, h.channels));
    h = silu(conv2d(g.at("blocks", 2 * i + 1), h, channels, { stride: 2 }));
  }
  return conv2d(g.at("conv_out"), h, c.levels[0]!.channels);
}

const EMBEDDING = "controlnet_cond_embedding";

/**
 * ControlNet as an ONNX model: the UNet's inputs, `hint`, `scales` [residuals] and the residuals `previous_*` of the nets before
 * it (or one zero a channel) → for each residual, previous + scale * own. So any number of nets chain without arithmetic outside.
 */
export function controlnetModel(weights: WeightSource, c: ControlNetConfig, profile: DeviceProfile): Uint8Array {
  const graph = new GraphBuilder(profile, weights);
  const sample = fromNchw(graph.input("sample", "float32", ["B", c.inChannels, "H", "W"]));
  const timestep = graph.input("timestep", "float32", [1]);
  const attended = attendedInput(graph);
  const hint = graph.input("hint", profile.compute, hintShape(profile, c.levels[0]!.channels));
  const channels = residualChannels(c);
  const scales = cast(graph.input("scales", "float32", [channels.length]), profile.compute);
  const own = controlnet(new Scope(graph), { sample, timestep, prompt: promptInput, attended, hint }, c);
  for (const [i, name] of residualNames(c).entries()) {
    const previousName = `previous_${name}`;
    const previous = graph.input(previousName, profile.compute, residualShape(profile, previousName, channels[i]!));
    graph.output(name, addValues(mul(own[i]!.value, slice(scales, 0, i, i + 1)), previous));
  }
  return graph.build("controlnet", [new RegExp(`^${EMBEDDING}\\.`), PROMPT_WEIGHTS]);
}

/** The conditioning embedding as an ONNX model: `image` [B, 3, 8H, 8W] → `hint`, as `controlnetModel` takes it. */
export function conditioningEmbeddingModel(
  weights: WeightSource,
  c: ControlNetConfig,
  profile: DeviceProfile,
): Uint8Array {
  const graph = new GraphBuilder(profile, weights);
  const factor = 2 ** (c.embeddingChannels.length - 1);
  const shape = ["B", c.conditioningChannels, product(factor, "H"), product(factor, "W")];
  const image = fromNchw(graph.input("image", "float32", shape));
  const { value, batch, channels, height, width } = conditioningEmbedding(new Scope(graph).at(EMBEDDING), image, c);
  const rows = profile.layout === "rows";
  graph.output("hint", rows ? reshape(value, [batch, product(height, width), channels]) : value);
  return graph.build("conditioning embedding", [new RegExp(`^(?!${EMBEDDING}\\.)`)]);
}

function hintShape(profile: DeviceProfile, channels: number) {
  return profile.layout === "rows" ? ["hint_batch?", product("H", "W"), channels] : ["hint_batch?", channels, "H", "W"];
}

function plusHint(x: FeatureMap, hint: Value): FeatureMap {
  const { batch, height, width, channels, value } = x;
  if (value.graph.profile.layout === "nchw") return mapOf(x, addValues(value, hint));
  const pixels = reshape(value, [batch, product(height, width), channels]); // [B, H*W, C]
  return mapOf(x, reshape(addValues(pixels, hint), value.shape));
}
