/**
 * The UNet's first convolution and last layer around features of an earlier step: DeepCache, arXiv:2312.00858, which calls this
 * the first skip branch. The next branch takes a layer of the way down and one more of the way up: three times the work of this
 * one, and no closer to the exact picture (docs/performance.md).
 */
import {
  cast,
  conv2d,
  type DeviceProfile,
  type FeatureMap,
  fromNchw,
  GraphBuilder,
  mapOf,
  product,
  Scope,
  toNchw,
  type Value,
  type WeightSource,
} from "@armature/graph";
import { residualNames, timeEmbedding } from "./encoder.js";
import { type Prompt, promptInput, residualShape } from "./inputs.js";
import { PROMPT_WEIGHTS } from "./prompt-projections.js";
import { attendedInput } from "./token-downsampling.js";
import { lastLayer, plus } from "./unet.js";
import type { UNetConfig } from "./unet-config.js";

export interface ShallowUNetInputs {
  sample: FeatureMap; // (B, 4, H, W)
  timestep: Value; // [1]
  prompt: Prompt;
  attended: Value; // [T]
  deep: Value; // what enters the last layer, of an earlier step
  control: Value; // for the first skip
}

export function shallowUnet(
  g: Scope,
  { sample, timestep, prompt, attended, deep, control }: ShallowUNetInputs,
  c: UNetConfig,
): FeatureMap {
  const given = { temb: timeEmbedding(g.at("time_embedding"), timestep, c), prompt, attended };
  const x = conv2d(g.at("conv_in"), sample, c.levels[0]!.channels); //                     (B, 320, H, W)
  return lastLayer(g, mapOf(x, deep), plus(x, control), given, c);
}

/** The one residual of ControlNets that the shallow UNet takes. */
export function shallowResidualName(c: UNetConfig): string {
  return residualNames(c)[0]!;
}

/** Those of a UNet's weights that the shallow UNet takes. */
export function shallowWeights<W extends WeightSource>(weights: W, c: UNetConfig): W {
  const last = lastLayerPath(c);
  const ofNoBlock = (key: string) => !/^(down_blocks|mid_block|up_blocks)\./.test(key);
  const taken = (key: string) => (last.test(key) || ofNoBlock(key)) && !PROMPT_WEIGHTS.test(key);
  return { ...weights, tensors: new Map([...weights.tensors].filter(([key]) => taken(key))) };
}

/** Those of the keys and values of the UNet's prompt, by their names, that the shallow UNet takes. */
export function shallowPrompt<T>(prompt: Readonly<Record<string, T>>, c: UNetConfig): Record<string, T> {
  const last = lastLayerPath(c);
  return Object.fromEntries(Object.entries(prompt).filter(([name]) => last.test(name)));
}

/** Matches what lies in the last layer of the way up. */
function lastLayerPath({ levels, layersPerLevel }: UNetConfig): RegExp {
  return new RegExp(`^up_blocks\\.${levels.length - 1}\\.(resnets|attentions)\\.${layersPerLevel}\\.`);
}

/** The shallow UNet as an ONNX model: `sample`, `timestep`, `attended_tokens`, its part of the prompt, the first residual and `deep` as of the UNet → `noise`. */
export function shallowUnetModel(weights: WeightSource, c: UNetConfig, profile: DeviceProfile): Uint8Array {
  const graph = new GraphBuilder(profile, shallowWeights(weights, c));
  const { channels } = c.levels[0]!;
  const sample = fromNchw(graph.input("sample", "float32", ["B", c.inChannels, "H", "W"]));
  const timestep = graph.input("timestep", "float32", [1]);
  const attended = attendedInput(graph);
  const name = shallowResidualName(c);
  const control = graph.input(name, profile.compute, residualShape(profile, name, channels));
  const shape = profile.layout === "rows" ? [product("B", "H", "W"), channels] : ["B", channels, "H", "W"];
  const deep = graph.input("deep", profile.compute, shape);
  const noise = shallowUnet(new Scope(graph), { sample, timestep, prompt: promptInput, attended, deep, control }, c);
  graph.output("noise", cast(toNchw(noise), "float32"));
  return graph.build("shallow UNet");
}
