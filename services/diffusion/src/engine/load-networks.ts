/** Uses of networks as what residency loads, and what it has loaded as sessions by component and network. */
import { type Loadable, loadableSession, type Session } from "@armature/runtime";
import { type DiffusionDevice, formOf } from "../facts/device-settings.js";
import { residentKey, type UnsizedUse } from "../facts/network-use.js";
import { networkOf } from "../networks/index.js";
import type { ServedNetwork } from "../served/component.js";
import type { Served } from "../served/served.js";
import { usedNetwork } from "../served/served-networks.js";

/** The session of a component's network. */
export type SessionOf = (component: string, network: { name: string }) => Session;

interface NetworkLoading {
  served: Served;
  device: DiffusionDevice;
  /** Gives the sessions, opening those that are not open. */
  acquire(loadables: readonly Loadable<Session>[]): Promise<readonly Session[]>;
}

/** Loads what is missing of the networks, and gives their sessions. */
export async function loadNetworks(
  uses: readonly UnsizedUse[],
  { served, device, acquire }: NetworkLoading,
): Promise<SessionOf> {
  const loadables = loadableUses(uses, served, device);
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
  uses: readonly UnsizedUse[],
  served: Served,
  device: DiffusionDevice,
): Loadable<Session>[] {
  const byKey = new Map(uses.map((use) => [residentKey(use), use]));
  return [...byKey].map(([key, use]) => loadableUse(key, use, usedNetwork(use, served), device));
}

function loadableUse(
  key: string,
  { component: owner, precision }: UnsizedUse,
  { network: name, kind, folder, bytes }: ServedNetwork,
  device: DiffusionDevice,
): Loadable<Session> {
  const network = networkOf(kind, name);
  const profile = formOf(network, device, precision);
  return loadableSession({ key, owner, bytes: bytes[precision ?? "float32"], network, folder, profile, device });
}
