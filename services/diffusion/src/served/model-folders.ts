/** Which folders under MODELS_DIR hold a model or an adapter, in diffusers' layout. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InvalidConfig } from "@armature/core";
import { configField, findFolders, isFolder, type LeftOut } from "@armature/weights";
import { ADAPTER_KINDS, ADAPTERS, type AdapterKind, byKind } from "../adapters/index.js";

/** Ids: paths under MODELS_DIR, such as `Lykon/DreamShaper`. */
export interface ModelFolders {
  models: string[];
  adapters: Record<AdapterKind, string[]>;
  /** Folders whose config.json cannot be read: each may hold an adapter of any kind. */
  unreadable: LeftOut[];
}

/** The kind of folders that hold a whole model. */
const MODEL = "model";

/** Throws InvalidConfig where there is no such folder. */
export function findModelFolders(modelsDir: string): ModelFolders {
  if (!isFolder(modelsDir)) throw new InvalidConfig(`MODELS_DIR: ${modelsDir} is not a folder`);
  const { byKind: found, unreadable } = findFolders(modelsDir, (folder) => {
    if (existsSync(join(folder, "model_index.json"))) return [MODEL];
    const className = configField(folder, "_class_name");
    return ADAPTER_KINDS.filter((kind) => ADAPTERS[kind].weights.className === className);
  });
  return { models: found.get(MODEL) ?? [], adapters: byKind((kind) => found.get(kind) ?? []), unreadable };
}
