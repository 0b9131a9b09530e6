/** Files of the project that a command names. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const NAMED = /(?<![\w/.-])(?:dockerfiles|e2e|models|scripts|services)\/[\w./-]+/g;

/** The files that a documented command names and that are not there. */
export function missingFiles(command: string, root: string): string[] {
  return [...command.matchAll(NAMED)].map(([file]) => file).filter((file) => !existsSync(join(root, file)));
}
