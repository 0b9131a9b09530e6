/** What is planned for: models and ControlNets on the disk, or Stable Diffusion 1.5's shapes without any weights. */
import { type FindNetwork, findInFolders } from "@armature/diffusion/engine/memory/network-memory";
import { networkOf } from "@armature/diffusion/networks/index";
import { readServed } from "@armature/diffusion/served/read-served";
import type { Served } from "@armature/diffusion/served/served";
import { usedNetwork } from "@armature/diffusion/served/served-networks";
import { configOf, fullSizeConfigs } from "../bench/configs.js";
import { configuredModels } from "../bench/configured-models.js";
import { type Sd15Component, sd15Shapes } from "../bench/sd15.js";
import { shapesOnly } from "../bench/synthetic-weights.js";

export interface Selected {
  served: Served;
  find: FindNetwork;
}

interface SelectionRequest {
  modelsDir: string;
  /** Ids; undefined: all there are. */
  models?: string[] | undefined;
  /** `type` or `type=folder`; undefined: all there are. */
  controlnets?: string[] | undefined;
}

/** Reads headers and configs. Throws InvalidConfig or InvalidModel, naming what is wrong. */
export function selectOnDisk({ modelsDir, models, controlnets }: SelectionRequest): Selected {
  const served = readServed({ modelsDir, models, adapters: { controlnet: controlnets } });
  return { served, find: findInFolders(served) };
}

/** Stable Diffusion 1.5 and ControlNets of its size, under the given names. */
export function selectFullSize(controlnets: string[]): Selected {
  const configs = fullSizeConfigs();
  const served = configuredModels({ id: "sd15", configs, controlnets });
  const shapes = sd15Shapes();
  return {
    served,
    find(use) {
      const kind = usedNetwork(use, served).kind as Sd15Component;
      const weights = { ...shapesOnly(shapes[kind]), name: `${use.component} ${kind}` };
      return { network: networkOf(kind, use.network).open(configOf(configs, kind)), weights };
    },
  };
}
