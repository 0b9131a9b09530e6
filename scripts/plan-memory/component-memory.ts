/** What each model and ControlNet of a selection takes of a card: its networks, as the service would load them for a request. */
import { DEVICE_FORMS } from "@armature/devices";
import { takesAdapter } from "@armature/diffusion/adapters/index";
import { type MemoryForms, memoryOfUses, type NetworkMemory } from "@armature/diffusion/engine/memory/network-memory";
import { recipeOf } from "@armature/diffusion/pipelines/index";
import { adaptersOfKind } from "@armature/diffusion/served/choose-adapter";
import { factsOf } from "@armature/diffusion/served/facts-of";
import type { ServedAdapter } from "@armature/diffusion/served/served";
import { recipeUses } from "@armature/diffusion/stages/recipe";
import type { DeviceProfile } from "@armature/graph";
import { ANY_PICTURE, resolvedRequest } from "../bench/resolved-request.js";
import type { Selected } from "./selection.js";

/** What of a request decides its memory. */
export interface AskedPictures {
  /** Pixels. */
  width: number;
  height: number;
  /** How many in one request. */
  images: number;
}

export type Card = keyof typeof DEVICE_FORMS;

/** A model or ControlNet with all networks that the request uses of it. */
export interface ComponentMemory {
  id: string;
  networks: NetworkMemory[];
}

export interface CardForms extends MemoryForms {
  vaeProfile: DeviceProfile;
}

/** float16, with attention unfused and in slices: what every device computes rightly, and what takes the most. */
export function cardForms(card: Card): CardForms {
  const { plain, halfVae, heldPerLive } = DEVICE_FORMS[card];
  const profile: DeviceProfile = { ...plain, compute: "float16" };
  return { profile, vaeProfile: halfVae ? profile : plain, heldPerLive };
}

/**
 * The first model, the ControlNets, further models; a ControlNet acts on the models that it was made for. Throws OutOfMemory for a
 * tensor that the device cannot hold, InvalidRequest where the service would refuse the request.
 */
export function componentMemories(
  { served, find }: Selected,
  { width, height, images }: AskedPictures,
  forms: CardForms,
): ComponentMemory[] {
  const { models } = served;
  const controlnets = adaptersOfKind("controlnet", served);
  const memoryOf = memoryOfUses(find, forms);
  const facts = factsOf(served, forms);
  const used = (id: string, model: Model, nets: readonly ControlNet[]): ComponentMemory => {
    const fields = { model: model.id, width, height, num_images_per_prompt: images, guidance_scale: GUIDANCE };
    const request = resolvedRequest({ ...fields, controlnets: nets.map(controlField) }, served);
    const uses = recipeUses(recipeOf(request), facts);
    return { id, networks: memoryOf(uses.filter(({ component }) => component === id)) };
  };
  const ofModel = (model: Model) => {
    const fitting = controlnets.filter((net) => fits(net, model));
    return used(model.id, model, fitting);
  };
  const ofControlNet = (net: ControlNet) => {
    const model = models.find((candidate) => fits(net, candidate)) ?? models[0]!;
    return used(net.id, model, [net]);
  };
  const [first, ...others] = models;
  return [ofModel(first!), ...controlnets.map(ofControlNet), ...others.map(ofModel)];
}

type Model = Selected["served"]["models"][number];
type ControlNet = ServedAdapter<"controlnet">;

/** A guidance scale above 1, so that both halves of the guidance share a call, even if the model recommends none. */
const GUIDANCE = 7.5;

const controlField = ({ type }: ControlNet) => ({ type, image: ANY_PICTURE, preprocessor: "none" });

const fits = ({ config }: ControlNet, model: Model): boolean => takesAdapter(model, "controlnet", config);
