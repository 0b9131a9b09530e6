/** Which folders under MODELS_DIR hold a model or an adapter, in diffusers' layout. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { InvalidConfig, unlessVanishedSync } from "@armature/core";
import { readSmallFileIfThere } from "@armature/weights";
import { ADAPTER_KINDS, ADAPTERS, type AdapterKind, byKind } from "../adapters/index.js";

/** Ids: paths under MODELS_DIR, such as `Lykon/DreamShaper`. */
export interface ModelFolders {
  models: string[];
  adapters: Record<AdapterKind, string[]>;
}

/** Deepest place of a model: `organisation/name`, with one folder to spare. */
const MAX_DEPTH = 3;

/** Throws InvalidConfig where there is no such folder. */
export function findModelFolders(modelsDir: string): ModelFolders {
  if (!existsSync(modelsDir)) throw new InvalidConfig(`MODELS_DIR: ${modelsDir} does not exist`);
  const found: ModelFolders = { models: [], adapters: byKind(() => []) };
  visit(modelsDir, 0);
  return found;

  function visit(folder: string, depth: number): void {
    const id = relative(modelsDir, folder).split(sep).join("/");
    if (existsSync(join(folder, "model_index.json"))) return void found.models.push(id);
    const kind = adapterKind(folder);
    if (kind) found.adapters[kind].push(id);
    else if (depth < MAX_DEPTH) {
      for (const name of (unlessVanishedSync(() => readdirSync(folder)) ?? []).sort()) {
        const path = join(folder, name);
        if (!name.startsWith(".") && isFolder(path)) visit(path, depth + 1);
      }
    }
  }
}

/** Links are followed: people keep large models on another disk. A link that leads nowhere is none. */
function isFolder(path: string): boolean {
  return unlessVanishedSync(() => statSync(path))?.isDirectory() ?? false;
}

function adapterKind(folder: string): AdapterKind | undefined {
  const name = className(join(folder, "config.json"));
  return ADAPTER_KINDS.find((kind) => ADAPTERS[kind].weights.className === name);
}

function className(configFile: string): unknown {
  try {
    const text = readSmallFileIfThere(configFile);
    return text && (JSON.parse(text) as { _class_name?: unknown })._class_name;
  } catch {
    return undefined; // its own error comes when it is selected
  }
}
