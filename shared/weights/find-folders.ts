/** Finds model folders under a root by what each folder says it holds. */
import { readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { unlessVanishedSync } from "@armature/core";
import { type LeftOut, readUsable } from "./left-out.js";
import { parseConfig } from "./model-config.js";
import { readSmallFileIfThere } from "./small-file.js";

/** Deepest place of a model: `organisation/name`, with one folder to spare. */
const MAX_DEPTH = 3;

export interface FoundFolders {
  /** Ids (paths under the root, such as `Lykon/DreamShaper`) of the folders of each kind, in alphabetical order. */
  byKind: Map<string, string[]>;
  /** Folders that do not tell what they are, with the reason; `.` is the root. */
  unreadable: LeftOut[];
}

/**
 * Searches `root`. `kindsOf` gives what a folder is, and throws where that cannot be read; folders within one that is something are
 * not searched.
 */
export function findFolders(root: string, kindsOf: (folder: string) => readonly string[]): FoundFolders {
  const found = new Map<string, string[]>();
  const unreadable: LeftOut[] = [];
  const visit = (folder: string, depth: number): void => {
    const id = relative(root, folder).split(sep).join("/");
    const { usable, leftOut } = readUsable([id || "."], root, () => kindsOf(folder));
    unreadable.push(...leftOut);
    const kinds = usable.flat();
    for (const kind of kinds) found.set(kind, [...(found.get(kind) ?? []), id]);
    if (kinds.length > 0 || depth === MAX_DEPTH) return;
    const names = (unlessVanishedSync(() => readdirSync(folder)) ?? []).filter((name) => !name.startsWith("."));
    for (const path of names.sort().map((name) => join(folder, name))) if (isFolder(path)) visit(path, depth + 1);
  };
  visit(root, 0);
  return { byKind: found, unreadable };
}

/** Links are followed: people keep large models on another disk. A link that leads nowhere is no folder. */
export function isFolder(path: string): boolean {
  return unlessVanishedSync(() => statSync(path))?.isDirectory() ?? false;
}

/** A field of the folder's config.json; undefined where there is no such file. Throws InvalidModel where it cannot be read. */
export function configField(folder: string, name: string): unknown {
  const file = join(folder, "config.json");
  const text = readSmallFileIfThere(file);
  return text === undefined ? undefined : parseConfig(text, file)[name];
}
