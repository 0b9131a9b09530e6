/** Uses of networks as what residency loads, and what it has loaded as sessions by component and network. */
import { type Loadable, loadableNetwork, type Session } from "@armature/runtime";
import { networkOf } from "../networks/index.js";
import type { Catalogue } from "./catalogue.js";
import type { NetworkEntry } from "./component.js";
import { entryOf, type LoadedUse } from "./component-uses.js";
import { type DiffusionDevice, formOf } from "./device-settings.js";
import { residentKey } from "./network-use.js";

/** The session of a component's network. */
export type SessionOf = (component: string, network: { name: string }) => Session;

export interface NetworkLoading {
  catalogue: Catalogue;
  device: DiffusionDevice;
  /** Gives the sessions, opening those that are not open. */
  acquire(loadables: readonly Loadable<Session>[]): Promise<readonly Session[]>;
}

/** Loads what is missing of the networks, and gives their sessions. */
export async function loadNetworks(
  uses: readonly LoadedUse[],
  { catalogue, device, acquire }: NetworkLoading,
): Promise<SessionOf> {
  const loadables = loadableUses(uses, catalogue, device);
  const loaded = await acquire(loadables);
  const sessions = new Map(loadables.map(({ key }, i) => [key, loaded[i]!]));
  return (component, network) => {
    const use = uses.find((found) => found.component === component && found.network === network.name);
    if (!use) throw new Error(`The stage does not say that it uses ${component} ${network.name}`);
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
  { component: owner, precision }: LoadedUse,
  { network: name, kind, folder, bytes }: NetworkEntry,
  device: DiffusionDevice,
): Loadable<Session> {
  const network = networkOf(kind, name);
  const profile = formOf(network, device, precision);
  return loadableNetwork({ key, owner, bytes: bytes[precision ?? "float32"], network, folder, profile, device });
}
