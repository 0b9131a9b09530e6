/** Turns entries of the catalogue into what the pipelines use: graphs are written, sessions opened. */
import { dirname, join } from "node:path";
import type { DeviceProfile } from "@armature/shared/graph/profile";
import type { Loadable } from "@armature/shared/runtime/residency";
import { createSession } from "@armature/shared/runtime/session";
import { openModelFolder } from "@armature/shared/weights/model-folder";
import type { SafetensorsHeader } from "@armature/shared/weights/safetensors";
import type { InferenceSession } from "onnxruntime-node";
import { clipTextModel, readClipTextConfig } from "../networks/clip-text.js";
import { conditioningEmbeddingModel, controlnetModel } from "../networks/controlnet.js";
import { unetModel } from "../networks/unet.js";
import { readVaeConfig, vaeDecoderModel } from "../networks/vae.js";
import type { ControlNet, Model } from "../pipeline/components.js";
import { loadClipTokenizer } from "../tokenizer/clip-tokenizer.js";
import type { ControlNetEntry, ModelEntry } from "./catalogue.js";

export interface DeviceSettings {
  profile: DeviceProfile;
  threads: number;
}

export function loadableModel(entry: ModelEntry, device: DeviceSettings): Loadable<Model> {
  return {
    key: entry.id,
    bytes: entry.bytes,
    load: () => loadModel(entry, device),
    release: ({ textEncoder, unet, vaeDecoder }) => releaseAll([textEncoder.session, unet.session, vaeDecoder.session]),
  };
}

export function loadableControlNet(entry: ControlNetEntry, device: DeviceSettings): Loadable<ControlNet> {
  return {
    key: entry.id,
    bytes: entry.bytes,
    load: () => loadControlNet(entry, device),
    release: ({ session, embedding }) => releaseAll([session, embedding]),
  };
}

async function loadModel({ folder, unet, schedulerConfig }: ModelEntry, device: DeviceSettings): Promise<Model> {
  const { profile } = device;
  const text = openModelFolder(join(folder, "text_encoder"));
  const textConfig = readClipTextConfig(text.config);
  const vae = openModelFolder(join(folder, "vae"));
  const vaeConfig = readVaeConfig(vae.config);
  const unetFolder = openModelFolder(join(folder, "unet"));
  return {
    textEncoder: {
      tokenizer: loadClipTokenizer(join(folder, "tokenizer")),
      session: await open(clipTextModel(text.weights, textConfig, profile), text.weights, device),
      config: textConfig,
    },
    unet: {
      session: await open(unetModel(unetFolder.weights, unet, profile), unetFolder.weights, device),
      config: unet,
      profile,
    },
    vaeDecoder: {
      session: await open(vaeDecoderModel(vae.weights, vaeConfig, profile), vae.weights, device),
      config: vaeConfig,
    },
    schedulerConfig,
  };
}

async function loadControlNet({ folder, config }: ControlNetEntry, device: DeviceSettings): Promise<ControlNet> {
  const { weights } = openModelFolder(folder);
  return {
    session: await open(controlnetModel(weights, config, device.profile), weights, device),
    embedding: await open(conditioningEmbeddingModel(weights, config, device.profile), weights, device),
    config,
  };
}

function open(model: Uint8Array, { file }: SafetensorsHeader, { threads }: DeviceSettings): Promise<InferenceSession> {
  return createSession(model, { weightsFolder: dirname(file), threads });
}

async function releaseAll(sessions: InferenceSession[]): Promise<void> {
  for (const session of sessions) await session.release();
}
