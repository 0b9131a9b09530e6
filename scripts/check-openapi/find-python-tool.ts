import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program of a Python package is: in $PYTHON_TOOLS, else on PATH. Throws with the way to install it. */
export function findPythonTool(name: string, env: NodeJS.ProcessEnv): string {
  const folders = [env.PYTHON_TOOLS ?? "", ...(env.PATH ?? "").split(delimiter)].filter(Boolean);
  const found = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (found) return found;
  throw new Error(`${name} is neither in $PYTHON_TOOLS nor on PATH; install it with: pip install ${name}`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
