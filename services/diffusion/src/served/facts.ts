/** What stages and adapters know of the models and ControlNets that they name, and of the device: it decides sizes. */
import type { PictureSize } from "@armature/pixels";
import type { NetworkForms } from "../engine/device-settings.js";
import type { Served, ServedControlNet, ServedModel } from "./served.js";

export type ModelFacts = Pick<ServedModel, "id" | "text" | "unet" | "vae" | "latents">;
type ControlNetFacts = Pick<ServedControlNet, "id" | "type" | "config">;

/** Facts by the names that a recipe uses. Each throws for a name that is not served. */
export interface ServedFacts {
  model(id: string): ModelFacts;
  controlNet(id: string): ControlNetFacts;
  forms: NetworkForms;
}

/** The facts of what is served. Requests were resolved against the same, so a name that is missing is a fault of the program. */
export const factsOf = ({ models, controlnets }: Served, forms: NetworkForms): ServedFacts => ({
  model: (id) =>
    required(
      models.find((model) => model.id === id),
      id,
    ),
  controlNet: (id) =>
    required(
      controlnets.find((net) => net.id === id),
      id,
    ),
  forms,
});

/** Latent cells of a picture. */
export const latentSides = ({ latents: { scale } }: Pick<ModelFacts, "latents">, { width, height }: PictureSize) => ({
  H: height / scale,
  W: width / scale,
});

function required<T>(found: T | undefined, name: string): T {
  if (found) return found;
  throw new Error(`The engine does not serve ${name}`);
}
