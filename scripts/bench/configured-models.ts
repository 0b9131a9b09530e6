/** A model and ControlNets that are known by their configs alone, as the service knows those on a disk. */
import { ADAPTERS } from "@armature/diffusion/adapters/index";
import { modelFacts } from "@armature/diffusion/facts/served-facts";
import { readCheckpoint } from "@armature/diffusion/families/index";
import type { ComponentRow } from "@armature/diffusion/networks/component-row";
import type { ServedNetwork } from "@armature/diffusion/served/component";
import type { Served } from "@armature/diffusion/served/served";
import { type Configs, configOf } from "./configs.js";

interface ConfiguredModel {
  /** Name of the model in the report. */
  id: string;
  configs: Configs;
  /** Types of ControlNets, which are their ids, too: each has the config of the kind `controlnet`. */
  controlnets: readonly string[];
}

/** Throws InvalidModel, naming the config, where it is not supported. */
export function configuredModels({ id, configs, controlnets }: ConfiguredModel): Served {
  const { family, configs: read } = readCheckpoint((folder) => configOf(configs, folder), id);
  const networks = Object.values(family.components).flatMap(entriesOf);
  const { weights } = ADAPTERS.controlnet;
  return {
    models: [{ ...modelFacts(id, family, read), networks, ...USUAL, ...NO_WEIGHTS }],
    adapters: controlnets.map((type) => ({
      ...{ kind: "controlnet", id: type, type, config: weights.read(configOf(configs, "controlnet")) },
      ...{ networks: entriesOf(weights), ...NO_WEIGHTS },
    })),
  };
}

/** What diffusers does where a model says nothing. */
const USUAL = {
  schedulerConfig: { name: "DDIMScheduler" },
  recommended: { num_inference_steps: 50, guidance_scale: 7.5 },
};

const NO_WEIGHTS = { folder: "", bytes: { float32: 0, int8: 0 } };

const entriesOf = ({ kind, always, sometimes }: Omit<ComponentRow<unknown>, "read">): ServedNetwork[] =>
  [...always, ...sometimes].map((network) => ({ network, kind, always: always.includes(network), ...NO_WEIGHTS }));
