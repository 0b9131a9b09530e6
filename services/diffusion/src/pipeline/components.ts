/** The parts of a model, as a pipeline uses them: a session and the facts of its config. */
import type { DeviceProfile } from "@armature/shared/graph/profile";
import type { Session } from "@armature/shared/runtime/devices/device-session";
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

export interface UNet {
  session: Session;
  config: UNetConfig;
  profile: DeviceProfile;
}

/** The UNet's first and last layer, for steps that take the features between them from an earlier one. */
export interface ShallowUNet {
  session: Session;
}

export interface ControlNet {
  session: Session;
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
