/** The units that a request loads, at the sizes that it computes with. */
import type { Catalogue } from "../catalogue.js";
import type { GeneratePayload } from "../jobs.js";
import { controlNetNetworks, modelNetworks } from "./networks.js";
import { controlNetUnit, modelUnit, type PictureRequest, type Profiles, shallowUnit, type Unit } from "./parts.js";

type Wanted =
  | "model"
  | "width"
  | "height"
  | "seeds"
  | "guidanceScale"
  | "guidanceInterval"
  | "cacheInterval"
  | "tokenDownsampling";

export type DevicePayload = Pick<GeneratePayload, Wanted> & {
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
    const what = { model: payload.model, types, shallow: payload.cacheInterval > 1, request };
    const key = JSON.stringify(what);
    const units = remembered.get(key) ?? unitsOf(catalogue, profiles, what);
    remembered.delete(key);
    remembered.set(key, units);
    if (remembered.size > MOST_REQUESTS) remembered.delete(remembered.keys().next().value!);
    return units;
  };
}

interface Loaded {
  model: string;
  /** Of the ControlNets. */
  types: readonly string[];
  shallow: boolean;
  request: PictureRequest;
}

function unitsOf(
  { models, controlnets }: Catalogue,
  profiles: Profiles,
  { model: id, types, shallow, request }: Loaded,
): Unit[] {
  const model = modelNetworks(models.find((entry) => entry.id === id)!);
  const nets = types.map((type) => controlNetNetworks(controlnets.find((entry) => entry.type === type)!));
  return [
    modelUnit(model, request, profiles, nets.length > 0),
    ...(shallow ? [shallowUnit(model, request, profiles, nets.length > 0)] : []),
    ...nets.map((net) => controlNetUnit(net, model, request, profiles)),
  ];
}

/** As the pipeline divides the work into passes: a ControlNet in guess mode parts the halves of the guidance. */
function pictureRequest(payload: DevicePayload, { controlnets }: Catalogue): PictureRequest {
  const { width, height, seeds, guidanceScale, guidanceInterval, tokenDownsampling, controls } = payload;
  const pooled = new Set(controlnets.filter(({ config }) => config.globalPool).map(({ type }) => type));
  const guided = guidanceScale > 1;
  const parted = controls.some(({ type, guessMode }) => guessMode || pooled.has(type));
  const throughout = guidanceInterval.start <= 0 && guidanceInterval.end >= 1;
  const images = seeds.length;
  const batches = new Set([guided && !parted ? 2 * images : images, ...(throughout ? [] : [images])]);
  return { width, height, images, tokenDownsampling, texts: guided ? 2 : 1, batches: [...batches] };
}
