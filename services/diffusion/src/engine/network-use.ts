/** What a request asks of networks, as plain JSON: loading, memory and admission are derived from a list of these. */
import type { Precision } from "@armature/contract";
import type { Sizes } from "@armature/graph";

/** One network at one size. */
export interface NetworkUse {
  /** Id of the model or ControlNet that it belongs to. */
  component: string;
  /** Its name in the table of networks. */
  network: string;
  /** Of networks that have a choice; undefined: the device's own form. */
  precision?: Precision | undefined;
  /** By the symbols of its inputs; those that it does not have are of no matter. */
  sizes: Sizes;
  /** ControlNets give it residuals: whole maps, where otherwise one zero per channel stands for them. */
  controlled?: boolean;
}

/** Which of the resident networks serves a use. */
export function residentKey({ component, network, precision }: Omit<NetworkUse, "sizes">): string {
  return `${component} ${network}${precision === "int8" ? " (int8)" : ""}`;
}
