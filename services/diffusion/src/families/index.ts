/** The table of model families. */
import { InvalidModel } from "@armature/core";
import type { ConfigOf, ModelConfigs, ModelFamily } from "./family.js";
import { sd1 } from "./sd1.js";
import { sd2 } from "./sd2.js";

export type { LatentSpace, ModelConfigs, ModelFamily, TextContext, TokenLimits } from "./family.js";

const FAMILIES: readonly ModelFamily[] = [sd1, sd2];

interface Checkpoint {
  family: ModelFamily;
  configs: ModelConfigs & Readonly<Record<string, unknown>>;
}

/**
 * The family of a checkpoint, and its configs as the family reads them. `folder` serves messages alone. Throws InvalidModel where no
 * family recognises it, a config is not supported, or its parts do not fit each other.
 */
export function readCheckpoint(configOf: ConfigOf, folder: string): Checkpoint {
  const configOnce = remembered(configOf);
  const family = FAMILIES.find(({ recognises }) => recognises(configOnce));
  if (!family) {
    throw new InvalidModel(`${folder} is of no family that is served: ${FAMILIES.map(({ id }) => id).join(", ")}`);
  }
  const read = Object.entries(family.components).map(([name, component]) => [name, component.read(configOnce(name))]);
  const configs = Object.fromEntries(read) as Checkpoint["configs"];
  requireFit(family, configs, folder);
  return { family, configs };
}

/** Each file is read once, however many families look into it. */
function remembered(configOf: ConfigOf): ConfigOf {
  const known = new Map<string, ReturnType<ConfigOf>>();
  return (folder) => {
    const config = known.get(folder) ?? configOf(folder);
    known.set(folder, config);
    return config;
  };
}

/** Side of the latents of a picture of 8192 pixels. */
const MOST_SAMPLES = 1024;

function requireFit({ text, latentSpace }: ModelFamily, configs: ModelConfigs, folder: string): void {
  const { unet, vae } = configs;
  const { width } = text.context(configs);
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
