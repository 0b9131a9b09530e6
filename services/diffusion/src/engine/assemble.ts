/** Sessions as the parts of a model that the pipeline knows. */
import { join } from "node:path";
import { familyOf } from "../families/index.js";
import { clipTextNetwork } from "../networks/clip-text.js";
import { conditioningEmbeddingNetwork, controlnetNetwork } from "../networks/controlnet.js";
import { controlnetPromptNetwork, unetPromptNetwork } from "../networks/prompt-projections.js";
import { shallowUnetNetwork } from "../networks/shallow-unet.js";
import { unetNetwork } from "../networks/unet.js";
import { vaeDecoderNetwork } from "../networks/vae.js";
import type { ControlNet, Model, ShallowUNet } from "../pipeline/components.js";
import type { ClipTokenizer } from "../tokenizer/clip-tokenizer.js";
import { loadClipTokenizer } from "../tokenizer/clip-tokenizer.js";
import type { ControlNetEntry, ModelEntry } from "./catalogue.js";
import { decoderTiles } from "./decoder-tiles.js";
import { type DeviceForms, formOf } from "./device-settings.js";
import type { SessionOf } from "./load-networks.js";

export function assembleModel(
  { text, unet, vae, schedulerConfig }: ModelEntry,
  session: SessionOf,
  { tokenizer, device }: { tokenizer: ClipTokenizer; device: DeviceForms },
): Model {
  return {
    textEncoder: { tokenizer, session: session(clipTextNetwork), config: text },
    unet: { session: session(unetNetwork), projections: session(unetPromptNetwork), config: unet },
    vaeDecoder: {
      session: session(vaeDecoderNetwork),
      config: vae,
      tiles: decoderTiles(vae, formOf(vaeDecoderNetwork, device, undefined)),
    },
    schedulerConfig,
  };
}

export function assembleShallowUNet(session: SessionOf): ShallowUNet {
  return { session: session(shallowUnetNetwork) };
}

export function assembleControlNet({ config }: ControlNetEntry, session: SessionOf): ControlNet {
  return {
    session: session(controlnetNetwork),
    projections: session(controlnetPromptNetwork),
    embedding: session(conditioningEmbeddingNetwork),
    config,
  };
}

/** The model's tokenizer, from the files that its family names. */
export function readTokenizer({ folder, family }: ModelEntry): ClipTokenizer {
  return loadClipTokenizer(join(folder, familyOf(family).textConditioning.tokenizer));
}
