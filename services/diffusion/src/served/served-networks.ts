/** The networks of what is served, as uses and by them. */
import type { NetworkUse, UnsizedUse } from "../facts/network-use.js";
import { networkOf } from "../networks/index.js";
import type { ServedNetwork } from "./component.js";
import { allWeights, type Served, type ServedWeights } from "./served.js";

/** Uses of all networks of a model or an adapter, or of those given. */
export function usesOf(
  { id, networks }: Pick<ServedWeights, "id" | "networks">,
  precision: NetworkUse["precision"],
  chosen = networks,
): UnsizedUse[] {
  return chosen.map(({ network, kind }) => {
    const hasChoice = networkOf(kind, network).digits === "int8";
    return { component: id, network, ...(hasChoice && { precision }) };
  });
}

/** The network that a use means. */
export function usedNetwork({ component, network }: UnsizedUse, served: Served): ServedNetwork {
  const weights = allWeights(served).find(({ id }) => id === component);
  const found = weights?.networks.find((candidate) => candidate.network === network);
  if (!found) throw new Error(`The engine does not serve ${component} ${network}`);
  return found;
}
