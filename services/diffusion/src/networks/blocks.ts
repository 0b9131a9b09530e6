/** The building blocks of UNet, ControlNet and VAE, named as in diffusers. */
import {
  type AttentionOptions,
  add,
  addToChannels,
  attention,
  conv2d,
  type Dim,
  denseRows,
  type FeatureMap,
  fromTokens,
  gelu,
  groupNorm,
  layerNorm,
  linear,
  linearParts,
  mul,
  type Scope,
  silu,
  siluValues,
  type Tokens,
  tokensOf,
  toTokens,
  upsampleConv2d,
  type Value,
} from "@armature/graph";
import { takeAttended } from "./ports/attended-tokens.js";
import { type GivenPrompt, givenKeyValue, type KeyValue } from "./ports/prompt.js";

interface NormOptions {
  groups: number;
  epsilon: number;
}

/** Two 3x3 convolutions around a shortcut; `temb` [1, D] shifts the channels between them. */
export function resnetBlock(g: Scope, x: FeatureMap, out: number, norm: NormOptions, temb?: Value): FeatureMap {
  let h = conv2d(g.at("conv1"), silu(groupNorm(g.at("norm1"), x, norm.groups, norm.epsilon)), out);
  if (temb) h = addToChannels(h, denseRows(g.at("time_emb_proj"), siluValues(temb), out));
  h = conv2d(g.at("conv2"), silu(groupNorm(g.at("norm2"), h, norm.groups, norm.epsilon)), out);
  const shortcut = x.channels === out ? x : conv2d(g.at("conv_shortcut"), x, out, { kernel: 1 });
  return add(h, shortcut);
}

export interface TransformerOptions {
  layers: number;
  heads: number;
  normGroups: number;
  /** The tokens that give self-attention its keys and values, [T]; undefined: all. */
  attended?: Value | undefined;
}

/** Self-attention over the pixels and cross-attention to the prompt, around a shortcut. */
export function transformer2d(g: Scope, x: FeatureMap, prompt: GivenPrompt, options: TransformerOptions): FeatureMap {
  const { layers, normGroups } = options;
  // diffusers fixes this epsilon, and ignores what the config says for the residual blocks
  let h = linear(g.at("proj_in"), toTokens(groupNorm(g.at("norm"), x, normGroups, 1e-6)), x.channels);
  for (let i = 0; i < layers; i++) h = transformerBlock(g.at("transformer_blocks", i), h, prompt, options);
  return add(fromTokens(linear(g.at("proj_out"), h, x.channels), x), x);
}

function transformerBlock(g: Scope, x: Tokens, prompt: GivenPrompt, { heads, attended }: TransformerOptions): Tokens {
  const [self, cross] = [g.at("attn1"), g.at("attn2")];
  const normal = layerNorm(g.at("norm1"), x);
  const seen = attended ? takeAttended(normal, attended) : normal;
  let h = add(attend(self, normal, keyValue(self, seen, x.width), { heads }), x);
  h = add(attend(cross, layerNorm(g.at("norm2"), h), givenKeyValue(cross, prompt), { heads, fewKeys: true }), h);
  return add(feedForward(g.at("ff.net"), layerNorm(g.at("norm3"), h)), h);
}

function attend(g: Scope, x: Tokens, { key, value }: KeyValue, options: AttentionOptions): Tokens {
  const query = linear(g.at("to_q"), x, x.width, { bias: false });
  return linear(g.at("to_out", 0), attention({ query, key, value }, options), x.width);
}

/** What the attention at `g`, which is `width` wide, sees of tokens (B, S, D): (B, S, width) each. */
export function keyValue(g: Scope, x: Tokens, width: number): KeyValue {
  const project = (name: string) => linear(g.at(name), x, width, { bias: false });
  return { key: project("to_k"), value: project("to_v") };
}

/** GEGLU (arXiv:2002.05202): one half of the projection, times the GELU of the other. */
function feedForward(g: Scope, x: Tokens): Tokens {
  const [hidden, gate] = linearParts(g.at(0, "proj"), x, 4 * x.width, 2) as [Tokens, Tokens];
  return linear(g.at(2), tokensOf(x, mul(hidden.value, gelu(gate.value))), x.width);
}

/** Halves height and width. */
export function downsample(g: Scope, x: FeatureMap): FeatureMap {
  return conv2d(g.at("conv"), x, x.channels, { stride: 2 });
}

/** Doubles height and width, or fits them to a skip connection of an odd size. */
export function upsample(g: Scope, x: FeatureMap, height: Dim, width: Dim): FeatureMap {
  return upsampleConv2d(g.at("conv"), x, x.channels, { height, width });
}
