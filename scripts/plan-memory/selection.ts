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
import { ModelConfig } from "@armature/weights";
import { SD15_CONFIGS, sd15Shapes } from "../bench/sd15.js";
import { nowhere, type Shapes } from "../bench/synthetic-weights.js";

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
  const shapes = sd15Shapes();
  return {
    models: [
      {
        id: "sd15",
        text: shapesOnly("text_encoder", textEncoder, shapes.textEncoder, readClipTextConfig),
        unet: shapesOnly("unet", unet, shapes.unet, readUNetConfig),
        vae: shapesOnly("vae", vae, shapes.vae, readVaeConfig),
      },
    ],
    controlnets: controlnets.map((id) => ({
      id,
      ...shapesOnly("controlnet", controlnet, shapes.controlnet, readControlNetConfig),
    })),
  };
}

function shapesOnly<Config>(
  file: string,
  config: object,
  shapes: Shapes,
  read: (config: ModelConfig) => Config,
): Network<Config> {
  const tensors = Object.entries(shapes).map(([key, shape]) => [key, nowhere(shape)] as const);
  return { config: read(new ModelConfig(file, { ...config })), weights: { file, tensors: new Map(tensors) } };
}
