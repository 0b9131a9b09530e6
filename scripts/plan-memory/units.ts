/** The models and ControlNets of a selection with what each of their networks takes, as the service would load them on a device. */

import { DEVICE_FORMS } from "@armature/devices";
import { decoderTiles } from "@armature/diffusion/engine/decoder-tiles";
import { type MemoryForms, memoryOfUses, type NetworkMemory } from "@armature/diffusion/engine/memory/network-memory";
import { requestUses } from "@armature/diffusion/engine/request-uses";
import type { DeviceProfile } from "@armature/graph";
import type { Selected } from "./selection.js";

export type PlannedDevice = keyof typeof DEVICE_FORMS;

export interface PlannedPicture {
  width: number;
  height: number;
  images: number;
}

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
  const unitOf = (id: string, model: (typeof models)[number], nets: typeof controlnets): PlannedUnit => {
    const payload = {
      ...guidedPayload(picture),
      model: model.id,
      controls: nets.map(({ type }) => ({ type, guessMode: false })),
    };
    const tiles = decoderTiles(model.vae, forms.vaeProfile);
    const uses = requestUses(payload, { models, controlnets: nets }, tiles?.side);
    return { id, parts: memoryOf(uses.filter(({ component }) => component === id)) };
  };
  const [first, ...others] = models.map((model) => unitOf(model.id, model, controlnets));
  return [first!, ...controlnets.map((net) => unitOf(net.id, models[0]!, [net])), ...others];
}

/** Both halves of the guidance in one call, as requests have it that say nothing else. */
function guidedPayload({ width, height, images }: PlannedPicture) {
  const seeds = Array.from({ length: images }, (_, seed) => seed);
  const guidance = { guidanceScale: 7.5, guidanceInterval: { start: 0, end: 1 } };
  return { width, height, seeds, ...guidance, cacheInterval: 1, tokenDownsampling: 1 };
}
