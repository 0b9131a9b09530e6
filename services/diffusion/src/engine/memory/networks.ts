/** The networks of models and ControlNets by their configs and headers, unopened: what sums of memory are made from. */
import { join } from "node:path";
import type { WeightSource } from "@armature/graph";
import { type ModelConfig, openModelFolder } from "@armature/weights";
import { type ClipTextConfig, readClipTextConfig } from "../../networks/clip-text.js";
import { type ControlNetConfig, readControlNetConfig } from "../../networks/controlnet.js";
import { readUNetConfig, type UNetConfig } from "../../networks/unet-config.js";
import { readVaeConfig, type VaeConfig } from "../../networks/vae.js";

export interface Network<Config> {
  config: Config;
  weights: WeightSource;
}

export interface ModelNetworks {
  id: string;
  text: Network<ClipTextConfig>;
  unet: Network<UNetConfig>;
  vae: Network<VaeConfig>;
}

export interface ControlNetNetworks extends Network<ControlNetConfig> {
  id: string;
}

interface Entry {
  id: string;
  folder: string;
}

/** Throws InvalidModel, naming what is wrong. */
export function modelNetworks({ id, folder }: Entry): ModelNetworks {
  return {
    id,
    text: openNetwork(join(folder, "text_encoder"), readClipTextConfig),
    unet: openNetwork(join(folder, "unet"), readUNetConfig),
    vae: openNetwork(join(folder, "vae"), readVaeConfig),
  };
}

/** Throws InvalidModel, naming what is wrong. */
export function controlNetNetworks({ id, folder }: Entry): ControlNetNetworks {
  return { id, ...openNetwork(folder, readControlNetConfig) };
}

function openNetwork<Config>(folder: string, read: (config: ModelConfig) => Config): Network<Config> {
  const { config, weights } = openModelFolder(folder);
  return { config: read(config), weights };
}
