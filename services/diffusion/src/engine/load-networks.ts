/** Uses of networks as what residency loads, and what it has loaded as sessions by component and network. */
import { type Loadable, loadableNetwork, type Session } from "@armature/runtime";
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
  return entries.map(({ network, kind }) => ({ component: id, ...inPrecision({ network, kind }, precision) }));
}

/** A network with the precision, if it has a choice. */
export function inPrecision(
  { network, kind }: Pick<NetworkEntry, "network" | "kind">,
  precision: NetworkUse["precision"],
): Pick<NetworkUse, "network" | "precision"> {
  return networkOf(kind, network).digits === "int8" ? { network, precision } : { network };
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

/** The session of a component's network. */
export type SessionOf = (component: string, network: { name: string }) => Session;

/** Loads networks that are used with what `acquire` does to each. */
export async function loadUses(
  uses: readonly LoadedUse[],
  loadables: readonly Loadable<Session>[],
  acquire: (loadables: readonly Loadable<Session>[]) => Promise<readonly Session[]>,
): Promise<SessionOf> {
  const loaded = await acquire(loadables);
  const sessions = new Map(loadables.map(({ key }, i) => [key, loaded[i]!]));
  const keys = new Map(uses.map((use) => [`${use.component} ${use.network}`, residentKey(use)]));
  return (component, { name }) => {
    const session = sessions.get(keys.get(`${component} ${name}`) ?? "");
    if (!session) throw new Error(`The stage does not say that it uses ${component} ${name}`);
    return session;
  };
}

/** What the catalogue knows of a network. */
export function entryOf({ component, network }: LoadedUse, { models, controlnets }: Catalogue): NetworkEntry {
  const owner = [...models, ...controlnets].find(({ id }) => id === component);
  const found = owner?.networks.find((entry) => entry.network === network);
  if (!found) throw new Error(`The engine does not serve ${component} ${network}`);
  return found;
}
