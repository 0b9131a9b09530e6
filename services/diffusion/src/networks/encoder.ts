/** The contracting half and the middle of the UNet, which ControlNet copies: arXiv:2112.10752; arXiv:2302.05543, section 3. */
import {
  concat,
  cos,
  denseRows,
  type FeatureMap,
  inComputeType,
  mul,
  reshape,
  type Scope,
  siluValues,
  sin,
  type Value,
} from "@armature/graph";
import { downsample, resnetBlock, type TransformerOptions, transformer2d } from "./blocks.js";
import { downsampledLevel } from "./ports/attended-tokens.js";
import type { GivenPrompt } from "./ports/prompt.js";
import type { EncoderConfig } from "./unet-config.js";

/** What every level is told beside its feature map. */
export interface Conditioning {
  temb: Value; // [1, 1280]
  prompt: GivenPrompt;
  /** The tokens that self-attention of the finest level looks at: [T]. */
  attended: Value;
}

/** Sinusoids of the timestep [1] through two linear layers → [1, 4 * channels of the first level]. */
export function timeEmbedding(g: Scope, timestep: Value, c: EncoderConfig): Value {
  const width = c.levels[0]!.channels;
  const frequencies = g.graph.floats(sinusoidFrequencies(width / 2, c.frequencyShift), [1, width / 2], "float32");
  const angles = mul(reshape(timestep, [1, 1]), frequencies);
  const waves = c.flipSinToCos ? [cos(angles), sin(angles)] : [sin(angles), cos(angles)];
  const embedding = inComputeType(concat(waves, 1));
  const hidden = siluValues(denseRows(g.at("linear_1"), embedding, 4 * width));
  return denseRows(g.at("linear_2"), hidden, 4 * width);
}

/** 10000^(-i / (count - shift)), rounded to float32 at each step as PyTorch does: an angle may be as large as 1000. */
function sinusoidFrequencies(count: number, shift: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const exponent = Math.fround(Math.fround(-Math.log(10000) * i) / (count - shift));
    return Math.fround(Math.exp(exponent));
  });
}

/** The levels from fine to coarse: the last activation, and every one that the way up will meet again. */
export function downPath(g: Scope, x: FeatureMap, given: Conditioning, c: EncoderConfig) {
  const { temb, prompt } = given;
  const norm = { groups: c.normGroups, epsilon: c.normEps };
  const skips = [x];
  let h = x;
  for (const [i, level] of c.levels.entries()) {
    const block = g.at("down_blocks", i);
    for (let j = 0; j < c.layersPerLevel; j++) {
      h = resnetBlock(block.at("resnets", j), h, level.channels, norm, temb);
      if (level.transformerLayers > 0) {
        h = transformer2d(block.at("attentions", j), h, prompt, levelTransformer(c, i, given));
      }
      skips.push(h);
    }
    if (i < c.levels.length - 1) {
      h = downsample(block.at("downsamplers", 0), h);
      skips.push(h);
    }
  }
  return { h, skips };
}

/** The transformers of a level, counted from the finest. */
export function levelTransformer(c: EncoderConfig, i: number, { attended }: Conditioning): TransformerOptions {
  const { transformerLayers, heads } = c.levels[i]!;
  return {
    layers: transformerLayers || 1, // a level that attends on the way up only has as many as one that says nothing
    heads,
    normGroups: c.normGroups,
    attended: i === downsampledLevel(c) ? attended : undefined,
  };
}

/** Residual block, attention, residual block at the coarsest level. */
export function midBlock(g: Scope, x: FeatureMap, { temb, prompt }: Conditioning, c: EncoderConfig): FeatureMap {
  const norm = { groups: c.normGroups, epsilon: c.normEps };
  const transformer = { layers: c.midTransformerLayers, heads: c.midHeads, normGroups: c.normGroups };
  let h = resnetBlock(g.at("resnets", 0), x, x.channels, norm, temb);
  h = transformer2d(g.at("attentions", 0), h, prompt, transformer);
  return resnetBlock(g.at("resnets", 1), h, x.channels, norm, temb);
}
