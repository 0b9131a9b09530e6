/** The parts of a model, as stages use them: a session and the facts of its config. */
import type { Session } from "@armature/runtime";
import type { TilePlan } from "../decode/tiled-decode.js";
import type { ClipTextConfig } from "../networks/clip-text.js";
import type { UNetConfig } from "../networks/unet-config.js";
import type { VaeConfig } from "../networks/vae.js";
import type { ClipTokenizer } from "../tokenizer/clip-tokenizer.js";

export interface TextEncoder {
  tokenizer: ClipTokenizer;
  session: Session;
  config: ClipTextConfig;
}

/** The prompt enters it through projections of its own. */
export interface UNet {
  session: Session;
  /** From the prompt's context to the keys and values that `session` takes. */
  projections: Session;
  config: UNetConfig;
}

/** The UNet's first and last layer, for steps that take the features between them from an earlier one. The prompt is the UNet's. */
export interface ShallowUNet {
  session: Session;
}

export interface VaeDecoder {
  /** Larger latents are decoded in tiles; undefined: never. */
  tiles?: TilePlan | undefined;
  session: Session;
  config: VaeConfig;
}
