/** Looks for a program that a script needs. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The first of the folders that holds an executable file of that name, with the name; undefined if none does. */
export function findProgram(name: string, folders: readonly string[]): string | undefined {
  return folders
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** The folders on PATH. */
export const foldersOnPath = ({ PATH = "" }: NodeJS.ProcessEnv): string[] => PATH.split(delimiter).filter(Boolean);

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
