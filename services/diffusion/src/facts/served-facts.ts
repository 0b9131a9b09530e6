/** What stages and adapters know of the models and ControlNets that they name, and of the device: it decides sizes. */
import type { PictureSize } from "@armature/pixels";
import type { LatentSpace, ModelConfigs } from "../families/index.js";
import type { ControlNetConfig } from "../networks/controlnet.js";
import type { NetworkForms } from "./device-settings.js";

/** What a recipe's model is, as far as sizes and calls of its networks depend on it. */
export interface ModelFacts extends ModelConfigs {
  /** The folder's path under MODELS_DIR, such as `Lykon/DreamShaper`. */
  id: string;
  latents: LatentSpace;
}

interface ControlNetFacts {
  id: string;
  type: string;
  config: ControlNetConfig;
}

/** Facts by the names that a recipe uses. Each throws for a name that is not served. */
export interface ServedFacts {
  model(id: string): ModelFacts;
  controlNet(id: string): ControlNetFacts;
  forms: NetworkForms;
}

/** Latent cells of a picture. */
export const latentSides = ({ latents: { scale } }: Pick<ModelFacts, "latents">, { width, height }: PictureSize) => ({
  H: height / scale,
  W: width / scale,
});
