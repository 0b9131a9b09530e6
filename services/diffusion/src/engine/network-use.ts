/** What a request asks of networks, as plain JSON: loading, memory and admission are derived from a list of these. */
import type { Precision } from "@armature/contract";
import type { Sizes } from "@armature/graph";
import { networkOf } from "../networks/index.js";
import type { ServedNetwork } from "../served/component.js";
import type { Served, ServedControlNet, ServedModel } from "../served/served.js";

/** One network at one size. */
export interface NetworkUse {
  /** Id of the model or ControlNet that it belongs to. */
  component: string;
  /** Its name in the table of networks. */
  network: string;
  /** Of networks that have a choice; undefined: the device's own form. */
  precision?: Precision | undefined;
  /** By the symbols of its inputs; further symbols are left out. */
  sizes: Sizes;
  /** Adapters give it whole maps, where otherwise one zero per channel stands for each. */
  steered?: boolean;
}

/** A use at any size: a session on the CPU serves every size, one on a GPU opens itself for each. */
export type UnsizedUse = Omit<NetworkUse, "sizes" | "steered">;

/** Which of the resident networks serves a use. */
export function residentKey({ component, network, precision }: UnsizedUse): string {
  return `${component} ${network}${precision === "int8" ? " (int8)" : ""}`;
}

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
