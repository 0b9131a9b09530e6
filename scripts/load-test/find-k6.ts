/** Finds k6, the load tester. */
import { homedir } from "node:os";
import { join } from "node:path";
import { findProgram, foldersOnPath, isExecutable } from "../find-program.js";

/** The release that the scenarios were written and run with. */
export const K6_VERSION = "1.8.1";

/** Where k6 is: $K6, else on PATH, else where Go installs. Throws with the way to install it. */
export function findK6(env: NodeJS.ProcessEnv): string {
  if (env.K6) {
    if (isExecutable(env.K6)) return env.K6;
    throw new Error(`K6: there is no program ${env.K6}`);
  }
  const goFolder = env.GOBIN || join(env.GOPATH || join(env.HOME || homedir(), "go"), "bin");
  const found = findProgram("k6", [...foldersOnPath(env), goFolder]);
  if (found) return found;
  throw new Error(
    `k6 is neither on PATH nor in ${goFolder}; install it with: go install go.k6.io/k6@v${K6_VERSION}\n` +
      "(or a release of github.com/grafana/k6), or name it: K6=/path/to/k6",
  );
}
