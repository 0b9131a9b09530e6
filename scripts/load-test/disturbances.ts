/** What happens to the services beside k6's load, by scenario. */
import type { Disturbance } from "./disturbance.js";
import { hang } from "./hang.js";
import { hostile } from "./hostile.js";

/** Prepares what a scenario has done to the services; the others load them, and nothing else. */
const DISTURBANCES: Readonly<Record<string, () => Promise<Disturbance>>> = { hang, hostile };

const UNDISTURBED: Disturbance = {
  env: {},
  begin: async () => ({}),
  claims: () => [],
  flatMemory: true,
  slowPictures: false,
  stop: () => {},
};

export const disturbanceOf = async (scenario: string): Promise<Disturbance> =>
  (await DISTURBANCES[scenario]?.()) ?? UNDISTURBED;
