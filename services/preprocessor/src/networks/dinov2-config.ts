/** Config of DINOv2, the backbone of Depth Anything. */
import { InvalidModel } from "@armature/core";
import type { ModelConfig } from "@armature/weights";
import { TRANSFORMERS_KEYS } from "./transformers-keys.js";
import { readVitConfig, type VitConfig } from "./vit-config.js";

export interface Dinov2Config extends VitConfig {
  /** The layers whose outputs are taken, lowest first. */
  taps: number[];
}

/** Dinov2Backbone's part of a config.json as our own, as far as networks for dense prediction use it. */
export function readDinov2Config(config: ModelConfig): Dinov2Config {
  config.ignore(
    ...TRANSFORMERS_KEYS,
    ...["attention_probs_dropout_prob", "hidden_dropout_prob", "drop_path_rate", "layerscale_value"],
    ...["out_indices", "stage_names", "use_mask_token"],
  );
  config.require({
    apply_layernorm: true,
    hidden_act: "gelu",
    num_channels: 3,
    reshape_hidden_states: false,
    use_swiglu_ffn: false,
  });
  const vit = readVitConfig(config, {
    epsilon: 1e-6,
    patch: 14,
    side: 224,
    mlpWidth: (width) => width * config.integer("mlp_ratio", 4),
  });
  const dinov2 = { ...vit, taps: readTaps(config, vit.layers) };
  config.done();
  return dinov2;
}

/** `stage1` is the output of the first layer. */
function readTaps(config: ModelConfig, layers: number): number[] {
  const stages = Array.from({ length: layers }, (_, i) => `stage${i + 1}`);
  const taps = config.names("out_features", stages).map((name) => stages.indexOf(name));
  if (taps.length === TAPS && taps.every((tap, i) => i === 0 || tap > taps[i - 1]!)) return taps;
  throw new InvalidModel(`${config.file}: out_features wants ${TAPS} different stages, lowest first`);
}

/** The feature maps that the necks of dense prediction take. */
const TAPS = 4;
