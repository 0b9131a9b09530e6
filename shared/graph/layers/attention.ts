/** Attention over tokens, in the form that the device profile names. */
import type { Value } from "../builder.js";
import { mul, reshape, transpose } from "../ops.js";
import { type AttentionForm, PROFILE } from "../profile.js";
import { type Tokens, tokensOf } from "./feature-map.js";
import { attendInSlices } from "./sliced-attention.js";

interface AttentionInputs {
  query: Tokens;
  key: Tokens;
  value: Tokens;
}

export interface AttentionOptions {
  heads: number;
  /** A token sees only itself and the ones before it. */
  causal?: boolean;
  /** The keys are few, as those of a prompt are. */
  fewKeys?: boolean;
}

/** softmax(Q Kᵀ / √d) V for each head (arXiv:1706.03762): query (B, S, D), key and value (B, T, D) → (B, S, D). */
export function attention(inputs: AttentionInputs, options: AttentionOptions): Tokens {
  const { query } = inputs;
  if (query.width % options.heads > 0)
    throw new Error(`a width of ${query.width} cannot be split into ${options.heads} heads`);
  const profile = query.value.graph[PROFILE];
  const form = FORMS[options.causal || options.fewKeys ? profile.crossAttention : profile.selfAttention];
  return tokensOf(query, reshape(form(inputs, options), [-1, query.width]));
}

type Form = (inputs: AttentionInputs, options: AttentionOptions) => Value; // → [B, S, D]

const FORMS: Record<AttentionForm, Form> = {
  fused: ({ query, key, value }, { heads, causal }) =>
    query.value.graph.node(
      "MultiHeadAttention",
      [sequence(query), sequence(key), sequence(value)],
      query.value.dtype,
      shapeOf(query),
      {
        domain: "com.microsoft",
        attributes: { num_heads: heads, unidirectional: causal ? 1 : undefined },
      },
    ),

  onnx: ({ query, key, value }, { heads, causal }) =>
    query.value.graph.node(
      "Attention",
      [sequence(query), sequence(key), sequence(value)],
      query.value.dtype,
      shapeOf(query),
      {
        attributes: { q_num_heads: heads, kv_num_heads: heads, is_causal: causal ? 1 : undefined },
      },
    ),

  unfused: ({ query, key, value }, { heads, causal }) => {
    const g = query.value.graph;
    const headDim = query.width / heads;
    const split = (x: Tokens, perm: number[]): Value =>
      transpose(reshape(x.value, [x.batch, x.length, heads, headDim]), perm);
    const attended = attendInSlices({
      query: mul(split(query, [0, 2, 1, 3]), g.floats([1 / Math.sqrt(headDim)], [])), // [B, N, S, D/N]
      key: split(key, [0, 2, 3, 1]),
      value: split(value, [0, 2, 1, 3]),
      mask: causal ? causalMask(query) : undefined,
    });
    return reshape(transpose(attended, [0, 2, 1, 3]), shapeOf(query)); // [B, S, N, D/N]
  },
};

function shapeOf({ batch, length, width }: Tokens) {
  return [batch, length, width];
}

function sequence(x: Tokens): Value {
  return reshape(x.value, shapeOf(x));
}

/** 0 where a token may look, and the least number that a float16 holds too elsewhere: [S, S]. */
function causalMask({ value, length }: Tokens): Value {
  if (typeof length !== "number") throw new Error("causal attention without a fused form wants a known length");
  const mask = Array.from({ length: length * length }, (_, i) => (i % length > Math.floor(i / length) ? -65504 : 0));
  return value.graph.floats(mask, [length, length]);
}
