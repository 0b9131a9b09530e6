/**
 * The UNet's first convolution and last layer around features of an earlier step: DeepCache, arXiv:2312.00858, which calls this
 * the first skip branch. The next branch takes a layer of the way down and one more of the way up: three times the work of this
 * one, and no closer to the exact picture (docs/performance.md).
 */
import {
  cast,
  conv2d,
  defineNetwork,
  type FeatureMap,
  picturePort,
  type Scope,
  tensorPort,
  toNchw,
  type Value,
} from "@armature/graph";
import { timeEmbedding } from "./encoder.js";
import { attendedPort } from "./ports/attended-tokens.js";
import { addResidual, firstResidualPort } from "./ports/control-residuals.js";
import { deepPort } from "./ports/deep-features.js";
import { type GivenPrompt, lastCrossAttention, promptPorts } from "./ports/prompt.js";
import { lastLayer } from "./unet.js";
import { readUNetConfig, type UNetConfig } from "./unet-config.js";

/** The shallow UNet: of the whole one's inputs those that its layers take, and the features of an earlier step → the noise. */
export const shallowUnetNetwork = defineNetwork({
  name: "shallow UNet",
  digits: "int8",
  read: readUNetConfig,
  inputs: (c: UNetConfig) => ({
    sample: picturePort(["B", c.inChannels, "H", "W"]),
    timestep: tensorPort("float32", [1]),
    attended_tokens: attendedPort,
    control: firstResidualPort(c),
    deep: deepPort(c),
    prompt: promptPorts(lastCrossAttention(c)),
  }),
  outputs: "caller",
  write(g, { attended_tokens: attended, control, ...inputs }, c) {
    const [residual] = Object.values(control);
    const noise = shallowUnet(g, { ...inputs, attended, control: residual! }, c);
    return { noise: cast(toNchw(noise), "float32") };
  },
});

/** Names of the inputs that adapters give the whole UNet, and that the shallow one takes from an earlier call. */
export const shallowSteering = (c: UNetConfig): string[] => Object.keys(firstResidualPort(c));

interface ShallowUNetInputs {
  sample: FeatureMap; // (B, 4, H, W)
  timestep: Value; // [1]
  prompt: GivenPrompt;
  attended: Value; // [T]
  deep: Value; // what enters the last layer, of an earlier step
  control: Value; // for the first skip
}

function shallowUnet(
  g: Scope,
  { sample, timestep, prompt, attended, deep, control }: ShallowUNetInputs,
  c: UNetConfig,
): FeatureMap {
  const given = { temb: timeEmbedding(g.at("time_embedding"), timestep, c), prompt, attended };
  const x = conv2d(g.at("conv_in"), sample, c.levels[0]!.channels); //                     (B, 320, H, W)
  return lastLayer(g, deepPort(c).inPlaceOf(x, deep), addResidual(x, control), given, c);
}
