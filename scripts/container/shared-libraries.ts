/** Which shared libraries must be copied beside some binaries, so that they start where nothing else is installed. */
import { existsSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { readNeeds } from "./elf.js";

export interface Library {
  /** Name of the library as binaries give it: `libstdc++.so.6`. */
  name: string;
  /** The file behind it, symbolic links followed. */
  source: string;
}

/** What belongs to a driver, comes with the machine, and must not be copied from another. */
const DRIVER_LIBRARIES = /^lib(?:cuda|nvidia-[\w-]+)\.so\./;

/**
 * The libraries that `binaries` need, and those that these need in turn, found in `folders`, sorted by name. `present` names
 * what the image has already. A driver's libraries are left out. Throws for one that is in no folder.
 */
export function libraryClosure(binaries: string[], folders: string[], present: ReadonlySet<string>): Library[] {
  const found = new Map<string, string>();
  const waiting = [...binaries];
  for (let binary = waiting.pop(); binary !== undefined; binary = waiting.pop()) {
    for (const name of readNeeds(binary)?.libraries ?? []) {
      if (present.has(name) || found.has(name) || DRIVER_LIBRARIES.test(name)) continue;
      const source = findLibrary(name, folders);
      if (!source) throw new Error(`${basename(binary)}: needs ${name}, which is not in ${folders.join(", ")}`);
      found.set(name, source);
      waiting.push(source);
    }
  }
  return [...found].map(([name, source]) => ({ name, source })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The file that `name` stands for in the first of `folders` that has it. */
export function findLibrary(name: string, folders: string[]): string | undefined {
  const path = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate));
  return path && realpathSync(path);
}
