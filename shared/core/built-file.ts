/** Built files, for processes and tests that start them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder, whether this module runs from its source or built. */
export const ROOT = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../../" : "../../../", import.meta.url));

/** The full path of a built file, named from the project's folder. One that is not there is told at once. */
export function builtFile(path: string, root = ROOT): string {
  const file = join(root, path);
  if (!existsSync(file)) throw new Error(`${path} is missing: run npm run build`);
  return file;
}
