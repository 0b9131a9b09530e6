/** The parts of a model, as a pipeline uses them: a session and the facts of its config. */
import type { Session } from "@armature/runtime";
import type { ClipTextConfig } from "../networks/clip-text.js";
import type { ControlNetConfig } from "../networks/controlnet.js";
import type { UNetConfig } from "../networks/unet-config.js";
import type { VaeConfig } from "../networks/vae.js";
import type { SchedulerConfig } from "../schedulers/config.js";
import type { ClipTokenizer } from "../tokenizer/clip-tokenizer.js";
import type { TilePlan } from "./tiled-decode.js";

export interface TextEncoder {
  tokenizer: ClipTokenizer;
  session: Session;
  config: ClipTextConfig;
}

/** A network with cross-attention: the prompt enters it through projections of its own. */
export interface Prompted {
  session: Session;
  /** From the prompt's context to the keys and values that `session` takes. */
  projections: Session;
}

export interface UNet extends Prompted {
  config: UNetConfig;
}

/** The UNet's first and last layer, for steps that take the features between them from an earlier one. The prompt is the UNet's. */
export interface ShallowUNet {
  session: Session;
}

export interface ControlNet extends Prompted {
  embedding: Session;
  config: ControlNetConfig;
}

export interface VaeDecoder {
  /** Larger latents are decoded in tiles; undefined: never. */
  tiles?: TilePlan | undefined;
  session: Session;
  config: VaeConfig;
}

export interface Model {
  textEncoder: TextEncoder;
  unet: UNet;
  vaeDecoder: VaeDecoder;
  schedulerConfig: SchedulerConfig;
}
