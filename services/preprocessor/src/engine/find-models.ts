/** Finds the models of annotators' networks under MODELS_DIR by the architectures that their config.json names. */
import { InvalidConfig } from "@armature/core";
import { configField, findFolders, isFolder } from "@armature/weights";

/** Ids of the models of each of `architectures`, by the architecture's name. */
export function findModels(modelsDir: string, architectures: ReadonlySet<string>): Map<string, string[]> {
  if (!isFolder(modelsDir)) throw new InvalidConfig(`MODELS_DIR: ${modelsDir} is not a folder`);
  return findFolders(modelsDir, (folder) => {
    const named = configField(folder, "architectures");
    return Array.isArray(named) ? named.filter((name) => architectures.has(name)) : [];
  });
}
