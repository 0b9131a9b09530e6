/** Config that all vision transformers of this service share. */
import type { ModelConfig } from "@armature/weights";
import { unfit } from "./unfit.js";

/** What every vision transformer here has. */
export interface VitConfig {
  width: number;
  mlpWidth: number;
  layers: number;
  heads: number;
  qkvBias: boolean;
  epsilon: number;
  /** Pixels along the side of a patch. */
  patch: number;
  /** Patches along the side of the square picture that the position embeddings were trained for. */
  grid: number;
}

/** Defaults in which transformers' classes differ. */
interface VitDefaults {
  epsilon: number;
  /** Pixels. */
  patch: number;
  /** Pixels along the side of the picture of training. */
  side: number;
  mlpWidth(width: number): number;
}

/** The keys of a config.json that all of these classes have. Throws InvalidModel, naming file and key. */
export function readVitConfig(config: ModelConfig, { epsilon, patch, side, mlpWidth }: VitDefaults): VitConfig {
  const width = config.integer("hidden_size", 768);
  const heads = config.count("num_attention_heads", 12);
  if (width % heads !== 0) {
    throw unfit(config, "num_attention_heads", heads, `hidden_size ${width} is no multiple of it`);
  }
  const patchSize = config.integer("patch_size", patch);
  return {
    width,
    mlpWidth: mlpWidth(width),
    layers: config.count("num_hidden_layers", 12),
    heads,
    qkvBias: config.boolean("qkv_bias", true),
    epsilon: config.number("layer_norm_eps", epsilon),
    patch: patchSize,
    grid: Math.floor(config.integer("image_size", side) / patchSize),
  };
}
