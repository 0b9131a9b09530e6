/** Finds model folders below MODELS_DIR by what their config.json says they are. */
import { readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { InvalidConfig, unlessVanishedSync } from "@armature/core";
import { readSmallFileIfThere } from "@armature/weights";

/** Deepest place of a model: `organisation/name`, with one folder to spare. */
const MAX_DEPTH = 3;

/** Ids of the models of each of `architectures`, by name. A model's own folders are not searched. */
export function findModels(modelsDir: string, architectures: ReadonlySet<string>): Map<string, string[]> {
  if (!isFolder(modelsDir)) throw new InvalidConfig(`MODELS_DIR: ${modelsDir} is not a folder`);
  const found = new Map([...architectures].map((name) => [name, [] as string[]]));
  const visit = (folder: string, depth: number): void => {
    const known = architecturesOf(join(folder, "config.json")).filter((name) => architectures.has(name));
    const id = relative(modelsDir, folder).split(sep).join("/");
    for (const name of known) found.get(name)?.push(id);
    if (known.length > 0 || depth === MAX_DEPTH) return;
    const names = (unlessVanishedSync(() => readdirSync(folder)) ?? []).filter((name) => !name.startsWith("."));
    for (const path of names.sort().map((name) => join(folder, name))) if (isFolder(path)) visit(path, depth + 1);
  };
  visit(modelsDir, 0);
  return found;
}

/** Links are followed: people keep large models on another disk. A link that leads nowhere is none. */
function isFolder(path: string): boolean {
  return unlessVanishedSync(() => statSync(path))?.isDirectory() ?? false;
}

function architecturesOf(configFile: string): string[] {
  try {
    const { architectures } = JSON.parse(readSmallFileIfThere(configFile) ?? "{}") as { architectures?: unknown };
    return Array.isArray(architectures) ? architectures : [];
  } catch {
    return []; // another component's config, or one that is not selected
  }
}
