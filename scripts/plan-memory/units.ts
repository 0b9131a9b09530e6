/** The units of a selection, as the service would load them on a device. */

import { DEVICE_FORMS } from "@armature/devices";
import {
  controlNetUnit,
  guidedRequest,
  modelUnit,
  type Profiles,
  type Unit,
} from "@armature/diffusion/engine/memory/parts";
import type { DeviceProfile } from "@armature/graph";
import type { Selected } from "./selection.js";

export type PlannedDevice = keyof typeof DEVICE_FORMS;

export interface PlannedPicture {
  width: number;
  height: number;
  images: number;
}

/** float16, with attention unfused and in slices: what every device computes rightly, and what takes the most. */
export function plannedProfiles(device: PlannedDevice): Profiles {
  const { plain, halfVae, heldPerLive } = DEVICE_FORMS[device];
  const profile: DeviceProfile = { ...plain, compute: "float16" };
  return { profile, vaeProfile: halfVae ? profile : plain, heldPerLive };
}

/** The first model, the ControlNets, further models. Throws OutOfMemory for a tensor that the device cannot hold. */
export function planUnits({ models, controlnets }: Selected, picture: PlannedPicture, profiles: Profiles): Unit[] {
  const request = guidedRequest(picture);
  const controlled = controlnets.length > 0;
  const [first, ...others] = models.map((model) => modelUnit(model, request, profiles, controlled));
  return [first!, ...controlnets.map((net) => controlNetUnit(net, models[0]!, request, profiles)), ...others];
}
