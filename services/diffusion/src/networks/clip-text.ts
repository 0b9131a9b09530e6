import {
  add,
  addValues,
  attention,
  cast,
  defineNetwork,
  gather,
  gelu,
  inComputeType,
  layerNorm,
  layerNormalization,
  linear,
  quickGelu,
  reshape,
  type Scope,
  type Tokens,
  tensorPort,
  tokensOf,
  type Value,
} from "@armature/graph";
import type { ModelConfig } from "@armature/weights";

export interface ClipTextConfig {
  width: number;
  mlpWidth: number;
  layers: number;
  heads: number;
  activation: "quick_gelu" | "gelu";
  tokens: number;
  vocabulary: number;
  epsilon: number;
}

/** The text encoder: token ids → one output [B, 77, D] for each clip_skip from 0 to layers - 1. */
export const clipTextNetwork = defineNetwork({
  name: "text encoder",
  read: readClipTextConfig,
  inputs: (c: ClipTextConfig) => ({ input_ids: tensorPort("int64", ["B", c.tokens]) }),
  outputs: "caller",
  *write(g, { input_ids: ids }, c) {
    const root = g.has("text_model.final_layer_norm.weight") ? g.at("text_model") : g;
    const states = clipText(root, ids, c);
    const norm = root.at("final_layer_norm");
    const [weight, bias] = [norm.weight("weight", [c.width]), norm.weight("bias", [c.width])];
    for (const [clipSkip, { value }] of states.toReversed().entries()) {
      const embeds = reshape(layerNormalization(value, weight, bias, c.epsilon), [...ids.shape, c.width]);
      yield [promptEmbedsName(clipSkip), cast(embeds, "float32")];
    }
  },
  ignore: [/(^|\.)position_ids$/, /^text_projection\b/, /^logit_scale$/],
});

/** CLIPTextModel's config.json as our own. */
export function readClipTextConfig(config: ModelConfig): ClipTextConfig {
  config.ignore(
    ...["architectures", "model_type", "dtype", "torch_dtype", "transformers_version", "attention_dropout", "dropout"],
    ...["initializer_factor", "initializer_range", "projection_dim", "bos_token_id", "eos_token_id", "pad_token_id"],
  );
  const clip: ClipTextConfig = {
    width: config.integer("hidden_size", 512),
    mlpWidth: config.integer("intermediate_size", 2048),
    layers: config.count("num_hidden_layers", 12),
    heads: config.count("num_attention_heads", 8),
    activation: config.oneOf("hidden_act", ["quick_gelu", "gelu"], "quick_gelu"),
    tokens: config.integer("max_position_embeddings", 77),
    vocabulary: config.integer("vocab_size", 49408),
    epsilon: config.number("layer_norm_eps", 1e-5),
  };
  config.done();
  return clip;
}

/** The text encoder of CLIP (arXiv:2103.00020, section 2.4): ids [B, 77] → the hidden states after each layer, first to last. */
function clipText(g: Scope, ids: Value, c: ClipTextConfig): Tokens[] {
  const embeddings = g.at("embeddings");
  const table = embeddings.at("token_embedding").table("weight", [c.vocabulary, c.width]);
  const words = inComputeType(gather(table, ids)); // [B, 77, D]
  const positions = embeddings.at("position_embedding").weight("weight", [c.tokens, c.width]);
  const value = reshape(addValues(words, positions), [-1, c.width]);
  let h: Tokens = { value, batch: ids.shape[0]!, length: c.tokens, width: c.width };
  return Array.from({ length: c.layers }, (_, i) => {
    h = encoderLayer(g.at("encoder.layers", i), h, c);
    return h;
  });
}

function encoderLayer(g: Scope, x: Tokens, c: ClipTextConfig): Tokens {
  const normal = layerNorm(g.at("layer_norm1"), x, c.epsilon);
  const project = (name: string) => linear(g.at("self_attn", name), normal, c.width);
  const inputs = { query: project("q_proj"), key: project("k_proj"), value: project("v_proj") };
  const attended = attention(inputs, { heads: c.heads, causal: true });
  const h = add(linear(g.at("self_attn.out_proj"), attended, c.width), x);
  const hidden = linear(g.at("mlp.fc1"), layerNorm(g.at("layer_norm2"), h, c.epsilon), c.mlpWidth);
  const activated = tokensOf(hidden, c.activation === "gelu" ? gelu(hidden.value) : quickGelu(hidden.value));
  return add(linear(g.at("mlp.fc2"), activated, c.width), h);
}

/** The name of the output for a clip_skip: hidden states that many layers before the last, after the final layer norm. */
export function promptEmbedsName(clipSkip: number): string {
  return `prompt_embeds_skip_${clipSkip}`;
}
