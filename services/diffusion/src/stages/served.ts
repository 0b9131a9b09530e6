/** What stages know of the models and ControlNets that they name, and of the device. */

import type { PictureSize } from "@armature/pixels";
import type { ControlNetEntry, ModelEntry } from "../engine/catalogue.js";
import type { DeviceForms } from "../engine/device-settings.js";

export type ServedModel = Pick<ModelEntry, "id" | "text" | "unet" | "vae" | "latents">;
export type ServedControlNet = Pick<ControlNetEntry, "id" | "type" | "config">;

export interface Served {
  model(id: string): ServedModel;
  controlNet(type: string): ServedControlNet;
  forms: DeviceForms;
}

/** That part of a catalogue that decides sizes. */
export interface ServedCatalogue {
  models: readonly ServedModel[];
  controlnets: readonly ServedControlNet[];
}

/** The HTTP process has checked the names against the same catalogue. */
export const servedBy = ({ models, controlnets }: ServedCatalogue, forms: DeviceForms): Served => ({
  model: (id) =>
    required(
      models.find((model) => model.id === id),
      id,
    ),
  controlNet: (type) =>
    required(
      controlnets.find((net) => net.type === type),
      type,
    ),
  forms,
});

/** Latent cells of a picture. */
export const latentSides = ({ latents: { scale } }: Pick<ServedModel, "latents">, { width, height }: PictureSize) => ({
  H: height / scale,
  W: width / scale,
});

function required<T>(found: T | undefined, name: string): T {
  if (found) return found;
  throw new Error(`The engine does not serve ${name}`);
}
