/** The scenario `hang`: an engine process is stopped, as by a driver that never returns, and nobody starts it again. */
import { enginePid } from "../service-engine.js";
import type { ServiceProcess } from "../services.js";
import type { Disturbance } from "./disturbance.js";

export async function hang(): Promise<Disturbance> {
  return {
    env: {},
    begin: async ({ diffusion, preprocessor }) => ({
      "hang-diffusion": () => stopEngine(diffusion),
      "hang-preprocessor": () => stopEngine(preprocessor),
    }),
    claims: () => [],
    flatMemory: true,
    slowPictures: false,
    stop: () => {},
  };
}

function stopEngine(service: ServiceProcess): void {
  const pid = enginePid(service);
  if (pid === undefined) throw new Error("the service has no engine to stop");
  process.kill(pid, "SIGSTOP");
}
