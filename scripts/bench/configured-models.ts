/** A model and ControlNets that are known by their configs alone, as the service knows those on a disk. */

import { recogniseFamily } from "@armature/diffusion/families/index";
import { clipTextNetwork } from "@armature/diffusion/networks/clip-text";
import { controlnetNetwork } from "@armature/diffusion/networks/controlnet";
import { unetNetwork } from "@armature/diffusion/networks/unet";
import { vaeDecoderNetwork } from "@armature/diffusion/networks/vae";
import { CONTROLNET, type ComponentFolder, type ServedNetwork } from "@armature/diffusion/served/component";
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
  const model = {
    text: clipTextNetwork.read(configOf(configs, "text_encoder")),
    unet: unetNetwork.read(configOf(configs, "unet")),
    vae: vaeDecoderNetwork.read(configOf(configs, "vae")),
  };
  const family = recogniseFamily(model, id);
  const networks = Object.values(family.components).flatMap(entriesOf);
  return {
    models: [
      { ...{ id, family: family.id, latents: family.latentSpace(model), networks }, ...model, ...USUAL, ...NO_WEIGHTS },
    ],
    controlnets: controlnets.map((type) => ({
      ...{ id: type, type, config: controlnetNetwork.read(configOf(configs, "controlnet")) },
      ...{ networks: entriesOf(CONTROLNET), ...NO_WEIGHTS },
    })),
  };
}

/** What diffusers does where a model says nothing. */
const USUAL = {
  schedulerConfig: { name: "DDIMScheduler" },
  recommended: { num_inference_steps: 50, guidance_scale: 7.5 },
};

const NO_WEIGHTS = { folder: "", bytes: { float32: 0, int8: 0 } };

const entriesOf = ({ kind, always, sometimes }: Omit<ComponentFolder, "folder">): ServedNetwork[] =>
  [...always, ...sometimes].map((network) => ({ network, kind, always: always.includes(network), ...NO_WEIGHTS }));
