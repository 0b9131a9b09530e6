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
