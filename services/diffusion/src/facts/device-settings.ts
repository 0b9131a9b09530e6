/** What the engine process computes with, and in which form each network. */
import type { Precision } from "@armature/contract";
import { CPU_INT8_PROFILE, type DeviceProfile, type Network } from "@armature/graph";
import type { ComputeSettings } from "@armature/runtime";

export interface NetworkForms {
  profile: DeviceProfile;
  /** Of networks that need more digits than that has; undefined: it has enough. */
  vaeProfile?: DeviceProfile | undefined;
}

export interface DiffusionDevice extends ComputeSettings, NetworkForms {}

/** The form of a network. `precision`: of those that have a choice; undefined: the device's own. */
export function formOf(
  { digits }: Pick<Network, "digits">,
  { profile, vaeProfile = profile }: NetworkForms,
  precision: Precision | undefined,
): DeviceProfile {
  if (digits === "float32") return vaeProfile;
  return digits === "int8" && precision === "int8" ? CPU_INT8_PROFILE : profile;
}
