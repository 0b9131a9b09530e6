/** A service that owns an echo engine and gets killed by a test: prints the engine's process id when that is ready. */

import { startEngine } from "../dist/engine-process.js";

const engine = startEngine({
  entry: new URL("echo-engine.mjs", import.meta.url),
  settings: {},
  name: "echo",
  log: () => {},
});
await engine.ready();
console.log(engine.state().pid);
