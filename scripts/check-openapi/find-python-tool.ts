import { findProgram, foldersOnPath } from "../find-program.js";

/** Where a program of a Python package is: in $PYTHON_TOOLS, else on PATH. Throws with the way to install it. */
export function findPythonTool(name: string, env: NodeJS.ProcessEnv): string {
  const found = findProgram(name, [env.PYTHON_TOOLS ?? "", ...foldersOnPath(env)]);
  if (found) return found;
  throw new Error(`${name} is neither in $PYTHON_TOOLS nor on PATH; install it with: pip install ${name}`);
}
