/** The table of model families. */
import { InvalidModel } from "@armature/core";
import type { ModelConfigs, ModelFamily } from "./family.js";
import { sd1 } from "./sd1.js";
import { sd2 } from "./sd2.js";

export type { LatentSpace, ModelConfigs } from "./family.js";

const FAMILIES: readonly ModelFamily[] = [sd1, sd2];

/** The family of a checkpoint. Throws InvalidModel where none recognises it, or its parts do not fit each other. */
export function recogniseFamily(configs: ModelConfigs, folder: string): ModelFamily {
  const found = FAMILIES.find((family) => family.recognises(configs));
  if (!found) {
    throw new InvalidModel(`${folder} is of no family that is served: ${FAMILIES.map(({ id }) => id).join(", ")}`);
  }
  requireFit(found, configs, folder);
  return found;
}

/** Side of the latents of a picture of 8192 pixels. */
const MOST_SAMPLES = 1024;

function requireFit({ textConditioning, latentSpace }: ModelFamily, configs: ModelConfigs, folder: string): void {
  const { unet, vae } = configs;
  const width = textConditioning.contextWidth(configs);
  const { channels, scalingFactor } = latentSpace(configs);
  const refuse = (detail: string) => {
    throw new InvalidModel(`${folder}: ${detail}`);
  };
  if (width !== unet.contextWidth) {
    refuse(`the UNet attends to texts of width ${unet.contextWidth}, the text encoder gives ${width}`);
  }
  if (unet.inChannels !== channels) {
    refuse(
      `unet/config.json: in_channels is ${unet.inChannels}; ${channels} was expected, as many as the VAE's latents have: ` +
        "UNets that take more, such as those for inpainting, are not supported",
    );
  }
  if (unet.outChannels !== channels)
    refuse(`unet/config.json: out_channels is ${unet.outChannels}; ${channels} was expected`);
  if (unet.sampleSize > MOST_SAMPLES) {
    refuse(`unet/config.json: sample_size is ${unet.sampleSize}; up to ${MOST_SAMPLES} was expected`);
  }
  if (vae.imageChannels !== 3) refuse(`vae/config.json: in_channels is ${vae.imageChannels}; 3 was expected`);
  if (!(scalingFactor > 0))
    refuse(`vae/config.json: scaling_factor is ${scalingFactor}; a number above 0 was expected`);
}

/** The family of that id. */
export function familyOf(id: string): ModelFamily {
  const found = FAMILIES.find((family) => family.id === id);
  if (!found) throw new Error(`There is no model family ${id}`);
  return found;
}
