/** The table of networks: for each kind of component, those that its weights hold. To add one: a file beside this one, and its row here. */
import type { Network } from "@armature/graph";
import { depthAnythingNetwork } from "./depth-anything.js";
import { dptNetwork } from "./dpt.js";

export const NETWORKS = { depth: [dptNetwork], depth_anything: [depthAnythingNetwork] } satisfies Record<
  string,
  readonly Network[]
>;
