/** A network of a model's folder, open on the CPU in the form of any device. */
import type { DeviceProfile, Network } from "@armature/graph";
import { openNetwork, type Session } from "@armature/runtime";
import { openModelFolder } from "@armature/weights";

export function openFolderNetwork(network: Network, folder: string, profile: DeviceProfile): Promise<Session> {
  const { config, weights } = openModelFolder(folder);
  return openNetwork({ network: network.open(config), weights, profile }, { threads: 2 });
}
