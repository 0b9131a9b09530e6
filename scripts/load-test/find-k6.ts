import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** The release that the scenarios were written and run with. */
export const K6_VERSION = "1.8.1";

/** Where k6 is: $K6, else on PATH, else where Go installs. Throws with the way to install it. */
export function findK6(env: NodeJS.ProcessEnv): string {
  if (env.K6) {
    if (isExecutable(env.K6)) return env.K6;
    throw new Error(`K6: there is no program ${env.K6}`);
  }
  const goPath = env.GOPATH || join(env.HOME || homedir(), "go");
  const folders = [...(env.PATH ?? "").split(delimiter).filter(Boolean), env.GOBIN || join(goPath, "bin")];
  const found = folders.map((folder) => join(folder, "k6")).find(isExecutable);
  if (found) return found;
  throw new Error(
    `k6 is neither on PATH nor in ${folders.at(-1)}; install it with: go install go.k6.io/k6@v${K6_VERSION}\n` +
      "(or a release of github.com/grafana/k6), or name it: K6=/path/to/k6",
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
