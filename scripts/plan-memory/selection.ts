/** What is planned for: models and ControlNets on the disk, or Stable Diffusion 1.5's shapes without any weights. */
import { readCatalogue } from "@armature/diffusion/engine/catalogue";
import {
  type ControlNetNetworks,
  controlNetNetworks,
  type ModelNetworks,
  modelNetworks,
  type Network,
} from "@armature/diffusion/engine/memory/networks";
import { readClipTextConfig } from "@armature/diffusion/networks/clip-text";
import { readControlNetConfig } from "@armature/diffusion/networks/controlnet";
import { readUNetConfig } from "@armature/diffusion/networks/unet-config";
import { readVaeConfig } from "@armature/diffusion/networks/vae";
import type { WeightSource } from "@armature/shared/graph/builder";
import { ModelConfig } from "@armature/shared/weights/model-config";
import { SD15_CONFIGS } from "../bench/sd15.js";

export interface Selected {
  models: ModelNetworks[];
  controlnets: ControlNetNetworks[];
}

export interface SelectionRequest {
  modelsDir: string;
  /** Ids; undefined: all there are. */
  models?: string[] | undefined;
  /** `type` or `type=folder`; undefined: all there are. */
  controlnets?: string[] | undefined;
}

/** Reads headers and configs. Throws InvalidConfig or InvalidModel, naming what is wrong. */
export function selectOnDisk(request: SelectionRequest): Selected {
  const { models, controlnets } = readCatalogue(request);
  return { models: models.map(modelNetworks), controlnets: controlnets.map(controlNetNetworks) };
}

/** Stable Diffusion 1.5 and ControlNets of its size, under the given names. */
export function selectFullSize(controlnets: string[]): Selected {
  const { unet, vae, textEncoder, controlnet } = SD15_CONFIGS;
  return {
    models: [
      {
        id: "sd15",
        text: shapesOnly("text_encoder", textEncoder, readClipTextConfig),
        unet: shapesOnly("unet", unet, readUNetConfig),
        vae: shapesOnly("vae", vae, readVaeConfig),
      },
    ],
    controlnets: controlnets.map((id) => ({ id, ...shapesOnly("controlnet", controlnet, readControlNetConfig) })),
  };
}

function shapesOnly<Config>(file: string, config: object, read: (config: ModelConfig) => Config): Network<Config> {
  const weights: WeightSource = {
    file,
    tensors: new Map(),
    // the plan needs no bytes, so every tensor may claim the same place
    supply: (_key, shape) => ({ dtype: "F16", shape: [...shape], offset: 0, length: 0 }),
  };
  return { config: read(new ModelConfig(file, { ...config })), weights };
}
