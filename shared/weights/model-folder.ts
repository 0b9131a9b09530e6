/** One component of a model in diffusers' or transformers' layout: a folder with config.json and safetensors files. */
import { readdirSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { InvalidModel, unlessVanishedSync } from "@armature/core";
import { ModelConfig } from "./model-config.js";
import { readSafetensorsHeader, type SafetensorsHeader } from "./safetensors.js";
import { readSmallFile, TABLE_BYTES } from "./small-file.js";
import { WEIGHT_FORMS, weightsExpected } from "./weight-files.js";
import { type WeightView, weightView } from "./weight-view.js";

interface ModelFolder {
  config: ModelConfig;
  weights: WeightView;
}

/** Reads config and headers of the component in `folder`. Throws InvalidModel if either is missing or unsound. */
export function openModelFolder(folder: string): ModelFolder {
  const config = ModelConfig.read(join(folder, "config.json"));
  return { config, weights: openWeights(folder) };
}

/** Reads the headers of the component in `folder` alone. Throws InvalidModel if there are none or they are unsound. */
export const openWeights = (folder: string): WeightView => weightView(readHeaders(folder));

function readHeaders(folder: string): SafetensorsHeader[] {
  for (const { whole, indexes } of WEIGHT_FORMS) {
    const file = behindLinks(join(folder, whole));
    if (file) return [readSafetensorsHeader(file)];
    const index = indexes.map((name) => join(folder, name)).find((path) => behindLinks(path) !== undefined);
    if (index) return readShards(folder, index);
  }
  throw new InvalidModel(
    `${folder}: no weights; ${weightsExpected(unlessVanishedSync(() => readdirSync(folder)) ?? [])}`,
  );
}

/** The file itself where the name is a link, as in the cache of the Python library: the runtime follows none. */
function behindLinks(path: string): string | undefined {
  return unlessVanishedSync(() => realpathSync(path));
}

/** The names of the shards that an index speaks of, files beside it. Throws InvalidModel for an unsound index. */
export function shardsOf(indexFile: string): string[] {
  const names = [...new Set(Object.values(readIndex(indexFile)))].sort();
  const unsafe = names.find((name) => basename(name) !== name);
  if (unsafe !== undefined) throw new InvalidModel(`${indexFile}: ${unsafe} is not a file beside the index`);
  return names;
}

/** The headers of all shards. The index says where each tensor is; one that its file lacks, or holds beside it, is an error. */
function readShards(folder: string, indexFile: string): SafetensorsHeader[] {
  const headers = new Map(
    shardsOf(indexFile).map((name) => [
      name,
      readSafetensorsHeader(behindLinks(join(folder, name)) ?? join(folder, name)),
    ]),
  );
  const missing = Object.entries(readIndex(indexFile)).find(([key, name]) => !headers.get(name)!.tensors.has(key));
  if (missing) throw new InvalidModel(`${indexFile}: ${missing[0]} is not in ${missing[1]}`);
  return [...headers.values()];
}

/** What `*.index.json` holds: the file of each tensor. */
function readIndex(file: string): Record<string, string> {
  const text = readSmallFile(file, TABLE_BYTES);
  try {
    const { weight_map: map } = JSON.parse(text) as { weight_map: Record<string, string> };
    if (Object.values(map).every((name) => typeof name === "string")) return map;
  } catch (cause) {
    throw new InvalidModel(`${file}: cannot be read as an index of weight files`, { cause });
  }
  throw new InvalidModel(`${file}: weight_map names something that is no file`);
}
