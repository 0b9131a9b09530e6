/** What stages and adapters know of the models and adapters that they name, and of the device: it decides sizes. */
import type { PictureSize } from "@armature/pixels";
import type { LatentSpace, ModelConfigs, ModelFamily, TextContext } from "../families/index.js";
import type { NetworkForms } from "./device-settings.js";

/** What a recipe's model is, as far as sizes and calls of its networks depend on it. */
export interface ModelFacts {
  /** The folder's path under MODELS_DIR, such as `Lykon/DreamShaper`. */
  id: string;
  /** Id of its family. */
  family: string;
  configs: ModelConfigs;
  context: TextContext;
  latents: LatentSpace;
}

/** The facts of a checkpoint of that family. */
export function modelFacts(id: string, family: ModelFamily, configs: ModelConfigs): ModelFacts {
  const { text, latentSpace } = family;
  return { id, family: family.id, configs, context: text.context(configs), latents: latentSpace(configs) };
}

/** Facts by the names that a recipe uses. Each throws for a name that is not served. */
export interface ServedFacts {
  model(id: string): ModelFacts;
  /** The config of an adapter of that id, as its kind reads it. */
  adapterConfig(id: string): unknown;
  forms: NetworkForms;
}

/** Latent cells of a picture. */
export const latentSides = ({ latents: { scale } }: Pick<ModelFacts, "latents">, { width, height }: PictureSize) => ({
  H: height / scale,
  W: width / scale,
});
