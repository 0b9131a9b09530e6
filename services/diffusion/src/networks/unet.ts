import {
  addValues,
  cast,
  concatChannels,
  conv2d,
  type DeviceProfile,
  type FeatureMap,
  fromNchw,
  GraphBuilder,
  groupNorm,
  mapOf,
  Scope,
  silu,
  toNchw,
  type Value,
  type WeightSource,
} from "@armature/graph";
import { resnetBlock, transformer2d, upsample } from "./blocks.js";
import {
  type Conditioning,
  downPath,
  levelTransformer,
  midBlock,
  residualChannels,
  residualNames,
  timeEmbedding,
} from "./encoder.js";
import { type Prompt, promptInput, residualShape } from "./inputs.js";
import { PROMPT_WEIGHTS } from "./prompt-projections.js";
import { attendedInput } from "./token-downsampling.js";
import type { UNetConfig } from "./unet-config.js";

export interface UNetInputs {
  sample: FeatureMap; // (B, 4, H, W)
  timestep: Value; // [1]
  prompt: Prompt;
  attended: Value; // [T], as in `attendedInput`
  control: Value[]; // one for each skip, then the middle
}

/**
 * Denoising UNet of Stable Diffusion 1 and 2: arXiv:2112.10752, section 3; with ControlNet's residuals: arXiv:2302.05543. Beside
 * the noise it gives the features that enter its last layer, which `shallowUnet` takes in place of all before.
 */
export function unet(g: Scope, { sample, timestep, prompt, attended, control }: UNetInputs, c: UNetConfig) {
  const given = { temb: timeEmbedding(g.at("time_embedding"), timestep, c), prompt, attended };
  const x = conv2d(g.at("conv_in"), sample, c.levels[0]!.channels); //                     (B, 320, H, W)
  const down = downPath(g, x, given, c); //                                                (B, 1280, H/8, W/8)
  let h = plus(midBlock(g.at("mid_block"), down.h, given, c), control.at(-1)!);
  const [first, ...skips] = down.skips.map((skip, i) => plus(skip, control[i]!));

  for (const i of c.levels.keys()) {
    for (let j = 0; j <= c.layersPerLevel && skips.length > 0; j++) {
      h = upLayer(g, i, j, [h, skips.pop()!], given, c);
    }
    const next = skips.at(-1) ?? first!;
    if (i < c.levels.length - 1) h = upsample(g.at("up_blocks", i, "upsamplers", 0), h, next.height, next.width);
  }
  return { deep: h, noise: lastLayer(g, h, first!, given, c) }; //                         (B, 320, H, W), (B, 4, H, W)
}

/** From the features before it and the first skip connection to the noise. */
export function lastLayer(g: Scope, deep: FeatureMap, skip: FeatureMap, given: Conditioning, c: UNetConfig) {
  let h = upLayer(g, c.levels.length - 1, c.layersPerLevel, [deep, skip], given, c);
  h = silu(groupNorm(g.at("conv_norm_out"), h, c.normGroups, c.normEps));
  return conv2d(g.at("conv_out"), h, c.outChannels); //                                    (B, 4, H, W)
}

/** Layer `j` of block `i` on the way up, coarse to fine. */
function upLayer(g: Scope, i: number, j: number, maps: FeatureMap[], given: Conditioning, c: UNetConfig) {
  const block = g.at("up_blocks", i);
  const level = c.levels.length - 1 - i;
  const norm = { groups: c.normGroups, epsilon: c.normEps };
  const { channels } = c.levels[level]!;
  const h = resnetBlock(block.at("resnets", j), concatChannels(maps), channels, norm, given.temb);
  if (!c.upAttends[i]) return h;
  return transformer2d(block.at("attentions", j), h, given.prompt, levelTransformer(c, level, given));
}

/**
 * The UNet as an ONNX model: `sample` [B, C, H, W], `timestep` [1], `attended_tokens` [T], the prompt as in `promptInput` and one residual
 * for each of `residualNames`, in the profile's layout, or a single zero a channel without ControlNet → `noise` [B, 4, H, W], and `deep`, the
 * features for the shallow UNet, in the profile's layout. Whoever does not fetch those pays nothing: they are computed anyway.
 */
export function unetModel(weights: WeightSource, c: UNetConfig, profile: DeviceProfile): Uint8Array {
  const graph = new GraphBuilder(profile, weights);
  const sample = fromNchw(graph.input("sample", "float32", ["B", c.inChannels, "H", "W"]));
  const timestep = graph.input("timestep", "float32", [1]);
  const attended = attendedInput(graph);
  const channels = residualChannels(c);
  const control = residualNames(c).map((name, i) =>
    graph.input(name, profile.compute, residualShape(profile, name, channels[i]!)),
  );
  const { noise, deep } = unet(new Scope(graph), { sample, timestep, prompt: promptInput, attended, control }, c);
  graph.output("noise", cast(toNchw(noise), "float32"));
  graph.output("deep", deep.value);
  return graph.build("unet", [PROMPT_WEIGHTS]);
}

/** A skip connection with what ControlNet adds to it. */
export function plus(x: FeatureMap, residual: Value): FeatureMap {
  return mapOf(x, addValues(x.value, residual));
}
