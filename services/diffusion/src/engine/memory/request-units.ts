/** The units that a request loads, at the sizes that it computes with. */
import type { Catalogue } from "../catalogue.js";
import type { GeneratePayload } from "../jobs.js";
import { controlNetNetworks, modelNetworks } from "./networks.js";
import { controlNetUnit, modelUnit, type PictureRequest, type Profiles, type Unit } from "./parts.js";

export type DevicePayload = Pick<GeneratePayload, "model" | "width" | "height" | "seeds" | "guidanceScale"> & {
  controls: readonly { type: string; guessMode: boolean }[];
};

/** Requests that are remembered: writing the graphs of one takes a third of a second. */
const MOST_REQUESTS = 64;

/** A function from a request to its units. It throws OutOfMemory for a tensor that the device cannot hold. */
export function requestUnits(catalogue: Catalogue, profiles: Profiles): (payload: DevicePayload) => Unit[] {
  const remembered = new Map<string, Unit[]>();
  return (payload) => {
    const types = [...new Set(payload.controls.map(({ type }) => type))];
    const request = pictureRequest(payload, catalogue);
    const key = JSON.stringify([payload.model, types, request]);
    const units = remembered.get(key) ?? unitsOf(catalogue, profiles, payload.model, types, request);
    remembered.delete(key);
    remembered.set(key, units);
    if (remembered.size > MOST_REQUESTS) remembered.delete(remembered.keys().next().value!);
    return units;
  };
}

function unitsOf(
  { models, controlnets }: Catalogue,
  profiles: Profiles,
  id: string,
  types: readonly string[],
  request: PictureRequest,
): Unit[] {
  const model = modelNetworks(models.find((entry) => entry.id === id)!);
  const nets = types.map((type) => controlNetNetworks(controlnets.find((entry) => entry.type === type)!));
  return [
    modelUnit(model, request, profiles, nets.length > 0),
    ...nets.map((net) => controlNetUnit(net, model, request, profiles)),
  ];
}

/** As `planPasses` of the pipeline divides the work: a ControlNet in guess mode parts the halves of the guidance. */
function pictureRequest(payload: DevicePayload, { controlnets }: Catalogue): PictureRequest {
  const { width, height, seeds, guidanceScale, controls } = payload;
  const pooled = new Set(controlnets.filter(({ config }) => config.globalPool).map(({ type }) => type));
  const guided = guidanceScale > 1;
  const parted = controls.some(({ type, guessMode }) => guessMode || pooled.has(type));
  const images = seeds.length;
  return { width, height, images, texts: guided ? 2 : 1, batches: [guided && !parted ? 2 * images : images] };
}
