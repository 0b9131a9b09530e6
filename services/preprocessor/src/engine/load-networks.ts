/** The networks of the catalogue as what residency loads. */
import type { DeviceProfile } from "@armature/graph";
import { type ComputeSettings, type Loadable, loadableNetwork, type Session } from "@armature/runtime";
import { dptNetwork } from "../networks/dpt.js";
import type { ModelEntry } from "./catalogue.js";

export interface PreprocessorDevice extends ComputeSettings {
  profile: DeviceProfile;
}

export function loadableDepth({ id, folder, bytes }: ModelEntry, device: PreprocessorDevice): Loadable<Session> {
  return loadableNetwork({ key: id, owner: id, bytes, network: dptNetwork, folder, profile: device.profile, device });
}
