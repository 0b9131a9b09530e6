/** What is planned for: models and ControlNets on the disk, or Stable Diffusion 1.5's shapes without any weights. */
import { type ModelEntry, readCatalogue } from "@armature/diffusion/engine/catalogue";
import { type FindNetwork, findInCatalogue } from "@armature/diffusion/engine/memory/network-memory";
import type { SizingCatalogue } from "@armature/diffusion/engine/request-uses";
import { sd1 } from "@armature/diffusion/families/sd1";
import { clipTextNetwork } from "@armature/diffusion/networks/clip-text";
import { controlnetNetwork } from "@armature/diffusion/networks/controlnet";
import { type ComponentKind, NETWORKS, networkOf } from "@armature/diffusion/networks/index";
import { unetNetwork } from "@armature/diffusion/networks/unet";
import { vaeDecoderNetwork } from "@armature/diffusion/networks/vae";
import { ModelConfig } from "@armature/weights";
import { SD15_CONFIGS, sd15Shapes } from "../bench/sd15.js";
import { shapesOnly } from "../bench/synthetic-weights.js";

export interface Selected {
  models: readonly SelectedModel[];
  controlnets: SizingCatalogue["controlnets"];
  find: FindNetwork;
}

export type SelectedModel = Pick<ModelEntry, "id" | "text" | "unet" | "vae" | "latents">;

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
  return { ...catalogue, find: findInCatalogue(catalogue) };
}

const MODEL = "sd15";
const MODEL_KINDS = ["text_encoder", "unet", "vae"] as const;

/** Stable Diffusion 1.5 and ControlNets of its size, under the given names. */
export function selectFullSize(controlnets: string[]): Selected {
  const config = (kind: ComponentKind) => new ModelConfig(kind, { ...SD15_CONFIGS[kind] });
  const text = clipTextNetwork.read(config("text_encoder"));
  const unet = unetNetwork.read(config("unet"));
  const vae = vaeDecoderNetwork.read(config("vae"));
  const net = controlnetNetwork.read(config("controlnet"));
  const shapes = sd15Shapes();
  return {
    models: [{ id: MODEL, text, unet, vae, latents: sd1.latentSpace({ text, unet, vae }) }],
    controlnets: controlnets.map((id) => ({ id, type: id, config: net })),
    find({ component, network }) {
      const kind = component === MODEL ? kindOf(network) : "controlnet";
      const weights = { ...shapesOnly(shapes[kind]), name: `${component} ${kind}` };
      return { network: networkOf(kind, network).open(config(kind)), weights };
    },
  };
}

function kindOf(network: string): ComponentKind {
  return MODEL_KINDS.find((kind) => NETWORKS[kind].some(({ name }) => name === network))!;
}
