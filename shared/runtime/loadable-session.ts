/** A network that can be loaded under the memory budget, as a session. */
import type { DeviceProfile, Network } from "@armature/graph";
import { openModelFolder } from "@armature/weights";
import type { Session } from "./device-session.js";
import { finiteSession } from "./finite-session.js";
import { type ComputeSettings, openNetwork } from "./open-network.js";
import type { Loadable } from "./residency.js";

interface LoadableSessionOptions extends Pick<Loadable<Session>, "key" | "owner" | "bytes"> {
  network: Network;
  /** Folder of the network's component, with config.json and weights. */
  folder: string;
  profile: DeviceProfile;
  device: ComputeSettings;
}

/** The session of a folder's network, as residency loads and releases it. */
export function loadableSession(options: LoadableSessionOptions): Loadable<Session> {
  const { key, owner, bytes, network, folder, profile, device } = options;
  return {
    key,
    owner,
    bytes,
    async load() {
      const { config, weights } = openModelFolder(folder);
      const session = await openNetwork({ network: network.open(config), weights, profile }, device);
      return network.outputs === "caller" ? finiteSession(session, `${network.label} of ${owner}`) : session;
    },
    release: (session) => session.release(),
  };
}
