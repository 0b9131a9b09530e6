/** What is planned for: models and ControlNets on the disk, or Stable Diffusion 1.5's shapes without any weights. */
import { type Catalogue, readCatalogue } from "@armature/diffusion/engine/catalogue";
import { entryOf } from "@armature/diffusion/engine/component-uses";
import { type FindNetwork, findInCatalogue } from "@armature/diffusion/engine/memory/network-memory";
import { networkOf } from "@armature/diffusion/networks/index";
import { configOf, fullSizeConfigs } from "../bench/configs.js";
import { configuredCatalogue } from "../bench/configured-catalogue.js";
import { sd15Shapes } from "../bench/sd15.js";
import { shapesOnly } from "../bench/synthetic-weights.js";

export interface Selected {
  catalogue: Catalogue;
  find: FindNetwork;
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
  const catalogue = readCatalogue(request);
  return { catalogue, find: findInCatalogue(catalogue) };
}

/** Stable Diffusion 1.5 and ControlNets of its size, under the given names. */
export function selectFullSize(controlnets: string[]): Selected {
  const configs = fullSizeConfigs();
  const catalogue = configuredCatalogue({ id: "sd15", configs, controlnets });
  const shapes = sd15Shapes();
  return {
    catalogue,
    find(use) {
      const { kind } = entryOf(use, catalogue);
      const weights = { ...shapesOnly(shapes[kind]), name: `${use.component} ${kind}` };
      return { network: networkOf(kind, use.network).open(configOf(configs, kind)), weights };
    },
  };
}
