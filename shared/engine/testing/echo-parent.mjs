/**
 * A service that owns an echo engine and gets killed or stopped by a test: prints the engine's process id when that is ready, and
 * what becomes of it.
 */

import { startEngine } from "../dist/engine-process.js";

const engine = startEngine({
  entry: new URL("echo-engine.mjs", import.meta.url),
  settings: {},
  name: "echo",
  limits: { silentMs: 4000, tickMs: 100 },
  log: ({ message }) => console.log(message),
});
await engine.ready();
console.log(engine.state().pid);
