/** The networks of models and ControlNets as uses: what residency, its report and the sums of memory know them by. */
import { networkOf } from "../networks/index.js";
import type { Catalogue, ControlNetEntry, ModelEntry } from "./catalogue.js";
import type { NetworkEntry } from "./component.js";
import type { NetworkUse } from "./network-use.js";

type Owner = Pick<ModelEntry | ControlNetEntry, "id" | "networks">;

/** A use without its size: a session on the CPU serves every size, one on a GPU opens itself for each. */
export type LoadedUse = Omit<NetworkUse, "sizes" | "controlled">;

/** The uses of one component's networks; `entries` may be some of them. */
export function usesOf({ id, networks }: Owner, precision: NetworkUse["precision"], entries = networks): LoadedUse[] {
  return entries.map(({ network, kind }) => {
    const hasChoice = networkOf(kind, network).digits === "int8";
    return { component: id, network, ...(hasChoice && { precision }) };
  });
}

/** What the catalogue knows of a network. */
export function entryOf({ component, network }: LoadedUse, { models, controlnets }: Catalogue): NetworkEntry {
  const owner = [...models, ...controlnets].find(({ id }) => id === component);
  const found = owner?.networks.find((entry) => entry.network === network);
  if (!found) throw new Error(`The engine does not serve ${component} ${network}`);
  return found;
}
