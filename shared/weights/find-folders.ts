/** Finds model folders under a root by what each folder says it holds. */
import { readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { unlessVanishedSync } from "@armature/core";
import { readSmallFileIfThere } from "./small-file.js";

/** Deepest place of a model: `organisation/name`, with one folder to spare. */
const MAX_DEPTH = 3;

/**
 * Ids (paths under `root`, such as `Lykon/DreamShaper`) of the folders of each kind, in alphabetical order. `kindsOf` gives what a
 * folder is; folders within one that is something are not searched.
 */
export function findFolders(root: string, kindsOf: (folder: string) => readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const visit = (folder: string, depth: number): void => {
    const kinds = kindsOf(folder);
    const id = relative(root, folder).split(sep).join("/");
    for (const kind of kinds) found.set(kind, [...(found.get(kind) ?? []), id]);
    if (kinds.length > 0 || depth === MAX_DEPTH) return;
    const names = (unlessVanishedSync(() => readdirSync(folder)) ?? []).filter((name) => !name.startsWith("."));
    for (const path of names.sort().map((name) => join(folder, name))) if (isFolder(path)) visit(path, depth + 1);
  };
  visit(root, 0);
  return found;
}

/** Links are followed: people keep large models on another disk. A link that leads nowhere is no folder. */
export function isFolder(path: string): boolean {
  return unlessVanishedSync(() => statSync(path))?.isDirectory() ?? false;
}

/** A field of the folder's config.json. A file that cannot be read has none: its error comes when the folder is selected. */
export function configField(folder: string, name: string): unknown {
  try {
    const text = readSmallFileIfThere(join(folder, "config.json"));
    return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}
