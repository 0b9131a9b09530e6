/** Uses of networks as what residency loads, and what it has loaded as sessions by component and network. */
import { type Loadable, loadableNetwork, type Residency, type Session } from "@armature/runtime";
import { networkOf } from "../networks/index.js";
import type { Catalogue, ControlNetEntry, ModelEntry } from "./catalogue.js";
import type { NetworkEntry } from "./component.js";
import { type DiffusionDevice, formOf } from "./device-settings.js";
import { type NetworkUse, residentKey } from "./network-use.js";

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

/** The session of one of a component's networks, by the network's name. */
export type SessionOf = (network: { name: string }) => Session;

export interface NetworkLoading {
  catalogue: Catalogue;
  device: DiffusionDevice;
  residency: Residency;
}

/** Loads what is missing of the networks, and gives their sessions by component. */
export async function acquireNetworks(
  uses: readonly LoadedUse[],
  { catalogue, device, residency }: NetworkLoading,
): Promise<(component: string) => SessionOf> {
  const loadables = loadableUses(uses, catalogue, device);
  const loaded = await residency.acquire(loadables);
  const sessions = new Map(loadables.map(({ key }, i) => [key, loaded[i]!]));
  return (component) => (network) => {
    const use = uses.find((found) => found.component === component && found.network === network.name);
    if (!use) throw new Error(`${component} ${network.name} was not loaded`);
    return sessions.get(residentKey(use))!;
  };
}

/** Each network that is used, once. */
export function loadableUses(
  uses: readonly LoadedUse[],
  catalogue: Catalogue,
  device: DiffusionDevice,
): Loadable<Session>[] {
  const byKey = new Map(uses.map((use) => [residentKey(use), use]));
  return [...byKey].map(([key, use]) => loadableUse(key, use, entryOf(use, catalogue), device));
}

function loadableUse(
  key: string,
  { component, precision }: LoadedUse,
  { network: name, kind, folder, bytes }: NetworkEntry,
  device: DiffusionDevice,
): Loadable<Session> {
  const network = networkOf(kind, name);
  const profile = formOf(network, device, precision);
  return loadableNetwork({
    key,
    owner: component,
    bytes: bytes[precision ?? "float32"],
    network,
    folder,
    profile,
    device,
  });
}

/** What the catalogue knows of a network. */
export function entryOf({ component, network }: LoadedUse, { models, controlnets }: Catalogue): NetworkEntry {
  const owner = [...models, ...controlnets].find(({ id }) => id === component);
  const found = owner?.networks.find((entry) => entry.network === network);
  if (!found) throw new Error(`The engine does not serve ${component} ${network}`);
  return found;
}
