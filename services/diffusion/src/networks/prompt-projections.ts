/** What a network's cross-attention layers see of the prompt. No step changes it: once a request is enough. */
import { type DeviceProfile, GraphBuilder, reshape, Scope, type WeightSource } from "@armature/graph";
import { keyValue } from "./blocks.js";
import { keyValueNames, tokensInput } from "./inputs.js";
import type { EncoderConfig } from "./unet-config.js";

/** The weights of the projections; the UNet or ControlNet itself takes the others. */
export const PROMPT_WEIGHTS = /\.attn2\.to_[kv]\.weight$/;
const OTHER_WEIGHTS = new RegExp(`^(?!.*${PROMPT_WEIGHTS.source})`);

/** Those of a network's weights that lie in its cross-attention layers: all that `promptProjectionsModel` looks at. */
export function crossAttentionWeights<W extends WeightSource>(weights: W): W {
  return { ...weights, tensors: new Map([...weights.tensors].filter(([key]) => key.includes(".attn2."))) };
}

/**
 * `context` [B, S, D] → key and value [B, S, width] of each cross-attention layer, by `keyValueNames` and in the compute type, as the
 * UNet or ControlNet of these weights takes them.
 */
export function promptProjectionsModel(weights: WeightSource, c: EncoderConfig, profile: DeviceProfile): Uint8Array {
  const graph = new GraphBuilder(profile, weights);
  const context = tokensInput(graph, { name: "context", dtype: "float32", width: c.contextWidth });
  for (const { path, width } of crossAttentionLayers(weights)) {
    const { key, value } = keyValue(new Scope(graph, path), context, width);
    const names = keyValueNames(path);
    graph.output(names.key, reshape(key.value, [context.batch, context.length, width]));
    graph.output(names.value, reshape(value.value, [context.batch, context.length, width]));
  }
  return graph.build("prompt projections", [OTHER_WEIGHTS]);
}

/** By the query's projection, which stays with the network: [width, width]. */
function crossAttentionLayers({ tensors }: WeightSource): { path: string; width: number }[] {
  return [...tensors].flatMap(([key, { shape }]) => {
    const path = /^(.*\.attn2)\.to_q\.weight$/.exec(key)?.[1];
    return path ? [{ path, width: shape[0]! }] : [];
  });
}
