/** Finds the models of annotators' networks under MODELS_DIR by the architectures that their config.json names. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { InvalidConfig } from "@armature/core";
import { configField, type FoundFolders, findFolders, isFolder } from "@armature/weights";

/**
 * The models of each of `architectures`, the architecture's name being their kind. A folder within a pipeline that cannot be read is
 * the pipeline's part, and left to the service that runs pipelines.
 */
export function findModels(modelsDir: string, architectures: ReadonlySet<string>): FoundFolders {
  if (!isFolder(modelsDir)) throw new InvalidConfig(`MODELS_DIR: ${modelsDir} is not a folder`);
  const { byKind, unreadable } = findFolders(modelsDir, (folder) => {
    const named = configField(folder, "architectures");
    return Array.isArray(named) ? named.filter((name) => architectures.has(name)) : [];
  });
  const inPipeline = (id: string) => existsSync(join(modelsDir, dirname(id), "model_index.json"));
  return { byKind, unreadable: unreadable.filter(({ id }) => !inPipeline(id)) };
}
