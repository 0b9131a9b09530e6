/** The parts of a model, as a pipeline uses them: a session and the facts of its config. */

import type { DeviceProfile } from "@armature/shared/graph/profile";
import type { InferenceSession } from "onnxruntime-node";
import type { ClipTextConfig } from "../networks/clip-text.js";
import type { ControlNetConfig } from "../networks/controlnet.js";
import type { UNetConfig } from "../networks/unet-config.js";
import type { VaeConfig } from "../networks/vae.js";
import type { SchedulerConfig } from "../schedulers/config.js";
import type { ClipTokenizer } from "../tokenizer/clip-tokenizer.js";

export interface TextEncoder {
  tokenizer: ClipTokenizer;
  session: InferenceSession;
  config: ClipTextConfig;
}

export interface UNet {
  session: InferenceSession;
  config: UNetConfig;
  profile: DeviceProfile;
}

export interface ControlNet {
  session: InferenceSession;
  embedding: InferenceSession;
  config: ControlNetConfig;
}

export interface VaeDecoder {
  session: InferenceSession;
  config: VaeConfig;
}

export interface Model {
  textEncoder: TextEncoder;
  unet: UNet;
  vaeDecoder: VaeDecoder;
  schedulerConfig: SchedulerConfig;
}
