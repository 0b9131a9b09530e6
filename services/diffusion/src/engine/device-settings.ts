/** What the engine process computes with. */
import type { DeviceProfile } from "@armature/graph";
import type { ComputeSettings } from "@armature/runtime";

export interface DeviceSettings extends ComputeSettings {
  profile: DeviceProfile;
  /** The VAE's own, where it needs more digits than the rest. */
  vaeProfile?: DeviceProfile | undefined;
  /** That of UNet and ControlNets, where it differs: the 8-bit one. */
  unetProfile?: DeviceProfile | undefined;
}
