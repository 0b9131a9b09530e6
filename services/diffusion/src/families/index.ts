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
  const [given, wanted] = [found.textConditioning.contextWidth(configs), configs.unet.contextWidth];
  if (given !== wanted) {
    throw new InvalidModel(`${folder}: the UNet attends to texts of width ${wanted}, the text encoder gives ${given}`);
  }
  return found;
}

/** The family of that id. */
export function familyOf(id: string): ModelFamily {
  const found = FAMILIES.find((family) => family.id === id);
  if (!found) throw new Error(`There is no model family ${id}`);
  return found;
}
