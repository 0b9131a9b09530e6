/** The parts of a request and what each takes on the device, from the graphs that the service writes for it. */
import type { WeightSource } from "@armature/shared/graph/builder";
import { type GraphMemory, type GraphMemoryOptions, graphMemory } from "@armature/shared/graph/graph-memory";
import type { DeviceProfile } from "@armature/shared/graph/profile";
import { sessionKey } from "@armature/shared/runtime/devices/open-networks";
import type { Sizes } from "@armature/shared/runtime/devices/sized-sessions";
import { clipTextModel } from "../../networks/clip-text.js";
import { conditioningEmbeddingModel, controlnetModel } from "../../networks/controlnet.js";
import { unetModel } from "../../networks/unet.js";
import { vaeDecoderModel } from "../../networks/vae.js";
import { decoderTiles } from "../loadables.js";
import type { ControlNetNetworks, ModelNetworks } from "./networks.js";

/** What of a request decides the sizes of its tensors. */
export interface PictureRequest {
  /** Pixels. */
  width: number;
  height: number;
  images: number;
  /** Texts that are encoded: the negative one and the prompt, or the prompt alone. */
  texts: number;
  /** Batches that UNet and ControlNets are called with. */
  batches: readonly number[];
}

/** One network at one size: its weights stay, its activations are there while it runs. */
export interface Part {
  name: string;
  weightBytes: number;
  activationBytes: number;
  /** That of the session on the device. */
  key: string;
}

/** What is loaded and evicted as a whole. */
export interface Unit {
  id: string;
  parts: Part[];
}

export interface Profiles {
  profile: DeviceProfile;
  /** The VAE's own. */
  vaeProfile: DeviceProfile;
}

/** Both halves of the guidance in one call, as requests have it that say nothing else. */
export function guidedRequest({ width, height, images }: Pick<PictureRequest, "width" | "height" | "images">) {
  return { width, height, images, texts: 2, batches: [2 * images] } satisfies PictureRequest;
}

/** Throws OutOfMemory for a tensor that the device cannot hold. */
export function modelUnit(
  { id, text, unet, vae }: ModelNetworks,
  request: PictureRequest,
  { profile, vaeProfile }: Profiles,
  controlled: boolean,
): Unit {
  const { H, W } = latentSizes(request, vae.config.scale);
  const side = decoderTiles(vae.config, vaeProfile)?.side ?? Number.POSITIVE_INFINITY;
  return {
    id,
    parts: [
      part("text encoder", text.weights, {
        ...{ profile, sizes: { B: request.texts }, openInputs: "single" },
        write: (weights, sized) => clipTextModel(weights, text.config, sized),
      }),
      ...request.batches.map((B) =>
        part("UNet", unet.weights, {
          ...{ profile, sizes: { B, S: text.config.tokens, H, W }, openInputs: controlled ? "whole" : "single" },
          write: (weights, sized) => unetModel(weights, unet.config, sized),
        }),
      ),
      // one picture at a time, in tiles where it is larger than the device takes whole
      part("VAE decoder", vae.weights, {
        ...{ profile: vaeProfile, sizes: { B: 1, H: Math.min(side, H), W: Math.min(side, W) }, openInputs: "single" },
        write: (weights, sized) => vaeDecoderModel(weights, vae.config, sized),
      }),
    ],
  };
}

/** Throws OutOfMemory for a tensor that the device cannot hold. */
export function controlNetUnit(
  { id, config, weights }: ControlNetNetworks,
  { text, vae }: ModelNetworks,
  request: PictureRequest,
  { profile }: Profiles,
): Unit {
  const { H, W } = latentSizes(request, vae.config.scale);
  return {
    id,
    parts: [
      // of a control picture, before the first step
      part("hint", weights, {
        ...{ profile, sizes: { B: 1, H, W }, openInputs: "single" },
        write: (source, sized) => conditioningEmbeddingModel(source, config, sized),
      }),
      ...request.batches.map((B) =>
        part("ControlNet", weights, {
          ...{ profile, sizes: { B, S: text.config.tokens, H, W }, openInputs: "whole" },
          write: (source, sized) => controlnetModel(source, config, sized),
        }),
      ),
    ],
  };
}

interface Writing extends GraphMemoryOptions {
  profile: DeviceProfile;
  sizes: Sizes;
  write: (weights: WeightSource, profile: DeviceProfile) => Uint8Array;
}

function part(name: string, weights: WeightSource, { profile, sizes, openInputs, write }: Writing): Part {
  const { weightBytes, peakBytes } = trace(weights, openInputs, (source) => write(source, { ...profile, sizes }));
  return { name, weightBytes, activationBytes: peakBytes, key: sessionKey(weights.file, sizes) };
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

function latentSizes({ width, height }: PictureRequest, scale: number) {
  return { H: height / scale, W: width / scale };
}
