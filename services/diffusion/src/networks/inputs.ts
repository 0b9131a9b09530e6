import {
  cast,
  type DeviceProfile,
  type Dim,
  type GraphBuilder,
  reshape,
  type Scope,
  type Tokens,
} from "@armature/graph";

/** What attention looks at. */
export interface KeyValue {
  key: Tokens; // (B, S, D)
  value: Tokens; // (B, S, D)
}

/** The prompt as networks see it: through each cross-attention layer's own projections. */
export interface Prompt {
  /** Of the layer at `g`, which is so wide. */
  keyValue(g: Scope, width: number): KeyValue;
}

/** The prompt's keys and values as inputs [B, S, width], two a layer; `promptProjectionsModel` gives them. */
export const promptInput: Prompt = {
  keyValue(g, width) {
    const names = keyValueNames(g.path);
    const input = (name: string) => tokensInput(g.graph, { name, dtype: g.graph.profile.compute, width });
    return { key: input(names.key), value: input(names.value) };
  },
};

/** The names under which key and value of the layer at `path` travel, such as `mid_block.attentions.0.transformer_blocks.0.attn2.key`. */
export function keyValueNames(path: string) {
  return { key: `${path}.key`, value: `${path}.value` };
}

/** The size that only the prompt tells, from the feeds of a call; none where no layer attends to it. */
export function promptSizes(feeds: Readonly<Record<string, { dims: readonly number[] }>>): { S?: number } {
  const key = Object.keys(feeds).find((name) => name.endsWith(keyValueNames("attn2").key));
  return key === undefined ? {} : { S: feeds[key]!.dims[1]! };
}

/** Tokens of the prompt, [B, S, width]. */
export function tokensInput(graph: GraphBuilder, { name, dtype, width }: TokensInput): Tokens {
  const tokens = graph.input(name, dtype, ["B", "S", width]);
  const [batch, length] = tokens.shape as [Dim, Dim, number];
  return { value: reshape(cast(tokens, graph.profile.compute), [-1, width]), batch, length, width };
}

interface TokensInput {
  name: string;
  dtype: DeviceProfile["compute"];
  width: number;
}

/**
 * A residual travels between the two networks in the profile's own layout. Every size but the channels may also be 1, so that
 * "no ControlNet" is one zero a channel instead of a map of zeros.
 */
export function residualShape(profile: DeviceProfile, name: string, channels: number): Dim[] {
  if (profile.layout === "rows") return [`${name}_rows?`, channels];
  return [`${name}_batch?`, channels, `${name}_height?`, `${name}_width?`];
}
