/** A service as an ordinary process of this machine, where a container is expected. */
import type { ContainerEngine } from "./container-engine.js";

type Runner = Pick<ContainerEngine, "container">;

/** Runs the built entry at `main`. What is mounted must lie there already. */
export function processEngine(main: string): Runner {
  return {
    container: (_image, { env, args = [main] }) => ({
      program: "env",
      args: [...Object.entries(env).map(([name, value]) => `${name}=${value}`), process.execPath, ...args],
      release() {},
    }),
  };
}
