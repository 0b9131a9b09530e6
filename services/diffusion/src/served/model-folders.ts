/** Which folders under MODELS_DIR hold a model or a ControlNet, in diffusers' layout. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InvalidConfig } from "@armature/core";
import { configField, findFolders, isFolder } from "@armature/weights";

/** Ids: paths under MODELS_DIR, such as `Lykon/DreamShaper`. */
export interface ModelFolders {
  models: string[];
  controlnets: string[];
}

/** Throws InvalidConfig where there is no such folder. */
export function findModelFolders(modelsDir: string): ModelFolders {
  if (!isFolder(modelsDir)) throw new InvalidConfig(`MODELS_DIR: ${modelsDir} is not a folder`);
  const found = findFolders(modelsDir, (folder) => {
    if (existsSync(join(folder, "model_index.json"))) return ["model"];
    return configField(folder, "_class_name") === "ControlNetModel" ? ["controlnet"] : [];
  });
  return { models: found.get("model") ?? [], controlnets: found.get("controlnet") ?? [] };
}
