/** One component of a model in diffusers' or transformers' layout: a folder with config.json and one safetensors file. */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { InvalidModel, unlessVanishedSync } from "@armature/core";
import { ModelConfig } from "./model-config.js";
import { readSafetensorsHeader, type SafetensorsHeader } from "./safetensors.js";

export interface ModelFolder {
  config: ModelConfig;
  /** Of the file itself where the name is a link, as in the cache of the Python library: the runtime follows none. */
  weights: SafetensorsHeader;
}

/** Names under which the weights are published, the smaller first. */
const WEIGHT_FILES = ["diffusion_pytorch_model", "model"].flatMap((name) => [
  `${name}.fp16.safetensors`,
  `${name}.safetensors`,
]);

/** Reads config and header of the component in `folder`. Throws InvalidModel if either is missing or unsound. */
export function openModelFolder(folder: string): ModelFolder {
  const config = ModelConfig.read(join(folder, "config.json"));
  return { config, weights: readSafetensorsHeader(weightFile(folder)) };
}

/** What the weights take in float32 in memory, in bytes. */
export function float32Bytes({ tensors }: SafetensorsHeader): number {
  let elements = 0;
  for (const { shape } of tensors.values()) elements += shape.reduce((product, size) => product * size, 1);
  return 4 * elements;
}

/** The file itself, behind links. */
function weightFile(folder: string): string {
  for (const name of WEIGHT_FILES) {
    const found = unlessVanishedSync(() => realpathSync(join(folder, name)));
    if (found) return found;
  }
  const pickled = ["diffusion_pytorch_model", "model", "pytorch_model"]
    .flatMap((name) => [`${name}.bin`, `${name}.fp16.bin`])
    .find((name) => existsSync(join(folder, name)));
  const hint = pickled ? `; ${pickled} is a pickle, which is never loaded` : "";
  throw new InvalidModel(`${folder}: no weights; one of ${WEIGHT_FILES.join(", ")} was expected${hint}`);
}
