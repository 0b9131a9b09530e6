import {
  cast,
  concatChannels,
  conv2d,
  defineNetwork,
  type FeatureMap,
  groupNorm,
  picturePort,
  type Scope,
  silu,
  tensorPort,
  toNchw,
  type Value,
} from "@armature/graph";
import { resnetBlock, transformer2d, upsample } from "./blocks.js";
import { type Conditioning, downPath, levelTransformer, midBlock, timeEmbedding } from "./encoder.js";
import { attendedPort } from "./ports/attended-tokens.js";
import { addResidual, residualPorts } from "./ports/control-residuals.js";
import { deepPort } from "./ports/deep-features.js";
import { type GivenPrompt, promptPorts, unetCrossAttention } from "./ports/prompt.js";
import { readUNetConfig, type UNetConfig } from "./unet-config.js";

/**
 * The UNet: latents, the timestep, the prompt's keys and values, and what ControlNets add → the noise, and the features for the shallow
 * UNet, which are computed anyway: a caller that does not fetch them pays nothing.
 */
export const unetNetwork = defineNetwork({
  name: "unet",
  label: "UNet",
  digits: "int8",
  read: readUNetConfig,
  inputs: (c: UNetConfig) => ({
    sample: picturePort(["B", c.inChannels, "H", "W"]),
    timestep: tensorPort("float32", [1]),
    attended_tokens: attendedPort,
    control: residualPorts(c),
    prompt: promptPorts(unetCrossAttention(c)),
  }),
  outputs: "caller",
  write(g, { attended_tokens: attended, control, ...inputs }, c) {
    const { noise, deep } = unet(g, { ...inputs, attended, control: Object.values(control) }, c);
    return { noise: cast(toNchw(noise), "float32"), deep: deepPort(c).give(deep) };
  },
  // averages that training keeps beside the weights
  ignore: [/^model_ema\./, /^ema\./],
});

interface UNetInputs {
  sample: FeatureMap; // (B, 4, H, W)
  timestep: Value; // [1]
  prompt: GivenPrompt;
  attended: Value; // [T]
  control: Value[]; // one for each skip, then the middle
}

/**
 * Denoising UNet of Stable Diffusion 1 and 2: arXiv:2112.10752, section 3; with ControlNet's residuals: arXiv:2302.05543. Beside
 * the noise it gives the features that enter its last layer, which `shallowUnet` takes in place of all before.
 */
function unet(g: Scope, { sample, timestep, prompt, attended, control }: UNetInputs, c: UNetConfig) {
  const given = { temb: timeEmbedding(g.at("time_embedding"), timestep, c), prompt, attended };
  const x = conv2d(g.at("conv_in"), sample, c.levels[0]!.channels); //                     (B, 320, H, W)
  const down = downPath(g, x, given, c); //                                                (B, 1280, H/8, W/8)
  let h = addResidual(midBlock(g.at("mid_block"), down.h, given, c), control.at(-1)!);
  const [first, ...skips] = down.skips.map((skip, i) => addResidual(skip, control[i]!));

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
