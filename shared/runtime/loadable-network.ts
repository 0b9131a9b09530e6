/** A network of a folder as something that residency loads and releases. */
import type { DeviceProfile, Network } from "@armature/graph";
import { openModelFolder } from "@armature/weights";
import type { Session } from "./device-session.js";
import { type ComputeSettings, openNetwork } from "./open-network.js";
import type { Loadable } from "./residency.js";

export interface LoadableNetworkOptions extends Pick<Loadable<Session>, "key" | "owner" | "bytes"> {
  network: Network;
  /** Of its component, with config.json and weights. */
  folder: string;
  profile: DeviceProfile;
  device: ComputeSettings;
}

export function loadableNetwork(options: LoadableNetworkOptions): Loadable<Session> {
  const { key, owner, bytes, network, folder, profile, device } = options;
  return {
    key,
    owner,
    bytes,
    load() {
      const { config, weights } = openModelFolder(folder);
      return openNetwork({ network: network.open(config), weights, profile }, device);
    },
    release: (session) => session.release(),
  };
}
