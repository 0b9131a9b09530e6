/** The models and ControlNets of a selection with what each of their networks takes, as the service would load them on a device. */

import { DEVICE_FORMS } from "@armature/devices";
import { type MemoryForms, memoryOfUses, type NetworkMemory } from "@armature/diffusion/engine/memory/network-memory";
import { textToImage } from "@armature/diffusion/pipelines/text-to-image";
import { recipeUses } from "@armature/diffusion/stages/recipe";
import { servedBy } from "@armature/diffusion/stages/served";
import type { DeviceProfile } from "@armature/graph";
import { type PlannedPicture, plannedRequest } from "./planned-request.js";
import type { Selected } from "./selection.js";

export type PlannedDevice = keyof typeof DEVICE_FORMS;

/** A model or ControlNet. */
export interface PlannedUnit {
  id: string;
  parts: NetworkMemory[];
}

export interface PlannedForms extends MemoryForms {
  vaeProfile: DeviceProfile;
}

/** float16, with attention unfused and in slices: what every device computes rightly, and what takes the most. */
export function plannedForms(device: PlannedDevice): PlannedForms {
  const { plain, halfVae, heldPerLive } = DEVICE_FORMS[device];
  const profile: DeviceProfile = { ...plain, compute: "float16" };
  return { profile, vaeProfile: halfVae ? profile : plain, heldPerLive };
}

/** The first model, the ControlNets, further models. Throws OutOfMemory for a tensor that the device cannot hold. */
export function planUnits(selected: Selected, picture: PlannedPicture, forms: PlannedForms): PlannedUnit[] {
  const { models, controlnets, find } = selected;
  const memoryOf = memoryOfUses(find, forms);
  const served = servedBy(selected, forms);
  const unitOf = (id: string, model: (typeof models)[number], nets: typeof controlnets): PlannedUnit => {
    const types = nets.map(({ type }) => type);
    const uses = recipeUses(textToImage(plannedRequest(picture, model.id, types)), served);
    return { id, parts: memoryOf(uses.filter(({ component }) => component === id)) };
  };
  const [first, ...others] = models.map((model) => unitOf(model.id, model, controlnets));
  return [first!, ...controlnets.map((net) => unitOf(net.id, models[0]!, [net])), ...others];
}
