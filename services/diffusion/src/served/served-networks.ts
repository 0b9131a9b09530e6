/** The networks of what is served, as uses and by them. */
import type { NetworkUse, UnsizedUse } from "../facts/network-use.js";
import { networkOf } from "../networks/index.js";
import type { ServedNetwork } from "./component.js";
import type { Served, ServedControlNet, ServedModel } from "./served.js";

/** Uses of all networks of a model or ControlNet, or of those given. */
export function usesOf(
  { id, networks }: Pick<ServedModel | ServedControlNet, "id" | "networks">,
  precision: NetworkUse["precision"],
  chosen = networks,
): UnsizedUse[] {
  return chosen.map(({ network, kind }) => {
    const hasChoice = networkOf(kind, network).digits === "int8";
    return { component: id, network, ...(hasChoice && { precision }) };
  });
}

/** The network that a use means. */
export function usedNetwork({ component, network }: UnsizedUse, { models, controlnets }: Served): ServedNetwork {
  const owner = [...models, ...controlnets].find(({ id }) => id === component);
  const found = owner?.networks.find((served) => served.network === network);
  if (!found) throw new Error(`The engine does not serve ${component} ${network}`);
  return found;
}
