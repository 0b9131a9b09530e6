/** The parts of a request and what each takes on the device, from the graphs that the service would write. */
import { decoderTiles } from "@armature/diffusion/engine/loadables";
import { clipTextModel } from "@armature/diffusion/networks/clip-text";
import { conditioningEmbeddingModel, controlnetModel } from "@armature/diffusion/networks/controlnet";
import { unetModel } from "@armature/diffusion/networks/unet";
import { vaeDecoderModel } from "@armature/diffusion/networks/vae";
import type { WeightSource } from "@armature/shared/graph/builder";
import { type GraphMemory, type GraphMemoryOptions, graphMemory } from "@armature/shared/graph/graph-memory";
import type { DeviceProfile } from "@armature/shared/graph/profile";
import { DEVICE_FORMS } from "@armature/shared/runtime/devices/device-profiles";
import type { Sizes } from "@armature/shared/runtime/devices/sized-sessions";
import type { Selected, SelectedControlNet, SelectedModel } from "./selection.js";

export type PlannedDevice = keyof typeof DEVICE_FORMS;

export interface PictureRequest {
  width: number;
  height: number;
  images: number;
}

/** One network: its weights stay, its activations are there while it runs. */
export interface Part {
  name: string;
  weightBytes: number;
  activationBytes: number;
}

/** What is loaded and evicted as a whole. */
export interface Unit {
  id: string;
  parts: Part[];
}

export interface Profiles {
  profile: DeviceProfile;
  vaeProfile: DeviceProfile;
}

/** float16, with attention unfused and in slices: what every device computes rightly, and what takes the most. */
export function plannedProfiles(device: PlannedDevice): Profiles {
  const { plain, halfVae } = DEVICE_FORMS[device];
  const profile: DeviceProfile = { ...plain, compute: "float16" };
  return { profile, vaeProfile: halfVae ? profile : plain };
}

/** The first model, the ControlNets, further models. Throws OutOfMemory for a tensor that the device cannot hold. */
export function planUnits({ models, controlnets }: Selected, request: PictureRequest, profiles: Profiles): Unit[] {
  const { profile } = profiles;
  const openInputs = controlnets.length > 0 ? "whole" : "single";
  const [first, ...others] = models.map((model) => modelUnit(model, request, profiles, openInputs));
  const { text, vae } = models[0]!;
  const latents = { H: request.height / vae.config.scale, W: request.width / vae.config.scale };
  const sizes = { ...latents, B: GUIDANCE * request.images, S: text.config.tokens };
  return [first!, ...controlnets.map((net) => controlnetUnit(net, sizes, profile)), ...others];
}

/** Both halves of the guidance go together. */
const GUIDANCE = 2;

function modelUnit(
  { id, text, unet, vae }: SelectedModel,
  request: PictureRequest,
  { profile, vaeProfile }: Profiles,
  openInputs: GraphMemoryOptions["openInputs"],
): Unit {
  const { scale } = vae.config;
  const [height, width] = [request.height / scale, request.width / scale];
  const side = decoderTiles(vae.config, vaeProfile)?.side ?? Number.POSITIVE_INFINITY;
  const step = { ...profile, sizes: { B: GUIDANCE * request.images, S: text.config.tokens, H: height, W: width } };
  const words = { ...profile, sizes: { B: GUIDANCE } };
  // one picture at a time, in tiles where it is larger than the device takes whole
  const tile = { ...vaeProfile, sizes: { B: 1, H: Math.min(side, height), W: Math.min(side, width) } };
  return {
    id,
    parts: [
      part(
        "text encoder",
        trace(text.weights, "single", (w) => clipTextModel(w, text.config, words)),
      ),
      part(
        "UNet",
        trace(unet.weights, openInputs, (w) => unetModel(w, unet.config, step)),
      ),
      part(
        "VAE decoder",
        trace(vae.weights, "single", (w) => vaeDecoderModel(w, vae.config, tile)),
      ),
    ],
  };
}

function controlnetUnit({ id, config, weights }: SelectedControlNet, sizes: Sizes, profile: DeviceProfile): Unit {
  const step = { ...profile, sizes };
  // of a control picture, before the first step
  const once = { ...profile, sizes: { ...sizes, B: 1 } };
  const net = trace(weights, "whole", (w) => controlnetModel(w, config, step));
  const hint = trace(weights, "single", (w) => conditioningEmbeddingModel(w, config, once));
  const peakBytes = Math.max(net.peakBytes, hint.peakBytes);
  return { id, parts: [part("ControlNet", { weightBytes: net.weightBytes + hint.weightBytes, peakBytes })] };
}

/** The memory of the graph that `write` builds; its bytes are of no interest. */
export function trace(
  weights: WeightSource,
  openInputs: GraphMemoryOptions["openInputs"],
  write: (weights: WeightSource) => Uint8Array,
): GraphMemory {
  let memory: GraphMemory | undefined;
  write({ ...weights, traced: (built) => (memory = graphMemory(built, { openInputs })) });
  if (!memory) throw new Error(`${weights.file}: no graph was built`);
  return memory;
}

function part(name: string, { weightBytes, peakBytes }: Omit<GraphMemory, "peakNode">): Part {
  return { name, weightBytes, activationBytes: peakBytes };
}
