/** The parts of a request and what each takes on the device, from the graphs that the service writes for it. */
import {
  type DeviceProfile,
  type GraphMemory,
  type GraphMemoryOptions,
  graphMemory,
  tracedGraph,
  type WeightSource,
} from "@armature/graph";
import { type Sizes, sessionKey } from "@armature/runtime";
import { clipTextModel } from "../../networks/clip-text.js";
import { conditioningEmbeddingModel, controlnetModel } from "../../networks/controlnet.js";
import { promptProjectionsModel } from "../../networks/prompt-projections.js";
import { shallowUnetModel } from "../../networks/shallow-unet.js";
import { attendedTokens } from "../../networks/token-downsampling.js";
import { unetModel } from "../../networks/unet.js";
import type { EncoderConfig } from "../../networks/unet-config.js";
import { vaeDecoderModel } from "../../networks/vae.js";
import { decoderTiles } from "../loadables.js";
import { residentKey } from "../resident-key.js";
import type { ControlNetNetworks, ModelNetworks, Network } from "./networks.js";

/** What of a request decides the sizes of its tensors. */
export interface PictureRequest {
  /** Pixels. */
  width: number;
  height: number;
  images: number;
  /** As in `DenoiseInputs`. */
  tokenDownsampling: number;
  /** Texts that are encoded: the negative one and the prompt, or the prompt alone. */
  texts: number;
  /** Batches that UNet and ControlNets are called with. */
  batches: readonly number[];
}

/** One network at one size, with what its activations take at their peak: the device's allocator keeps that for the next run. */
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
  /** Bytes that come to be held for each byte alive at a network's peak. */
  heldPerLive: number;
}

/** Both halves of the guidance in one call, as requests have it that say nothing else. */
export function guidedRequest({ width, height, images }: Pick<PictureRequest, "width" | "height" | "images">) {
  return { width, height, images, texts: 2, batches: [2 * images], tokenDownsampling: 1 } satisfies PictureRequest;
}

/** Throws OutOfMemory for a tensor that the device cannot hold. */
export function modelUnit(
  model: ModelNetworks,
  request: PictureRequest,
  { profile, vaeProfile, heldPerLive }: Profiles,
  controlled: boolean,
): Unit {
  const { id, text, unet, vae } = model;
  const sizes = stepSizes(request, model);
  const side = decoderTiles(vae.config, vaeProfile)?.side ?? Number.POSITIVE_INFINITY;
  return {
    id,
    parts: [
      part("text encoder", text.weights, {
        ...{ graph: "clip-text", profile, heldPerLive, sizes: { B: request.texts }, openInputs: "single" },
        write: (weights, sized) => clipTextModel(weights, text.config, sized),
      }),
      ...promptParts(unet, { text, request, profile, heldPerLive }),
      ...request.batches.map((B) =>
        part("UNet", unet.weights, {
          ...{ graph: "unet", profile, heldPerLive, openInputs: controlled ? "whole" : "single" },
          ...{ sizes: { B, S: text.config.tokens, ...sizes } },
          write: (weights, sized) => unetModel(weights, unet.config, sized),
        }),
      ),
      // one picture at a time, in tiles where it is larger than the device takes whole
      part("VAE decoder", vae.weights, {
        ...{ graph: "vae-decoder", profile: vaeProfile, heldPerLive, openInputs: "single" },
        ...{ sizes: { B: 1, H: Math.min(side, sizes.H), W: Math.min(side, sizes.W) } },
        write: (weights, sized) => vaeDecoderModel(weights, vae.config, sized),
      }),
    ],
  };
}

/** The UNet of the steps between whole ones. Throws OutOfMemory for a tensor that the device cannot hold. */
export function shallowUnit(
  model: ModelNetworks,
  request: PictureRequest,
  { profile, heldPerLive }: Profiles,
  controlled: boolean,
): Unit {
  const { id, text, unet } = model;
  // its one layer may be one that does not attend to the prompt
  const prompt: Sizes = unet.config.upAttends.at(-1) ? { S: text.config.tokens } : {};
  return {
    id: residentKey(id, { precision: undefined, shallow: true }),
    parts: request.batches.map((B) =>
      part("shallow UNet", unet.weights, {
        ...{ graph: "shallow-unet", profile, heldPerLive, openInputs: controlled ? "whole" : "single" },
        ...{ sizes: { B, ...prompt, ...stepSizes(request, model) } },
        write: (weights, sized) => shallowUnetModel(weights, unet.config, sized),
      }),
    ),
  };
}

/** Throws OutOfMemory for a tensor that the device cannot hold. */
export function controlNetUnit(
  { id, ...net }: ControlNetNetworks,
  model: ModelNetworks,
  request: PictureRequest,
  { profile, heldPerLive }: Profiles,
): Unit {
  const { config, weights } = net;
  const { text } = model;
  const { T, ...latent } = stepSizes(request, model);
  return {
    id,
    parts: [
      // of a control picture, before the first step
      part("hint", weights, {
        ...{ graph: "conditioning-embedding", profile, heldPerLive, sizes: { B: 1, ...latent }, openInputs: "single" },
        write: (source, sized) => conditioningEmbeddingModel(source, config, sized),
      }),
      ...promptParts(net, { text, request, profile, heldPerLive }),
      ...request.batches.map((B) =>
        part("ControlNet", weights, {
          ...{
            graph: "controlnet",
            profile,
            heldPerLive,
            sizes: { B, S: text.config.tokens, ...latent, T },
            openInputs: "whole",
          },
          write: (source, sized) => controlnetModel(source, config, sized),
        }),
      ),
    ],
  };
}

interface PromptInputs extends Pick<Profiles, "profile" | "heldPerLive"> {
  text: ModelNetworks["text"];
  request: PictureRequest;
}

/** The keys and values that a network attends to, at each batch. */
function promptParts(
  { config, weights }: Network<EncoderConfig>,
  { text, request, profile, heldPerLive }: PromptInputs,
): Part[] {
  return request.batches.map((B) =>
    part("prompt", weights, {
      ...{ graph: "prompt-projections", profile, heldPerLive, openInputs: "single" },
      sizes: { B, S: text.config.tokens },
      write: (source, sized) => promptProjectionsModel(source, config, sized),
    }),
  );
}

interface Writing extends GraphMemoryOptions {
  graph: string;
  heldPerLive: number;
  profile: DeviceProfile;
  sizes: Sizes;
  write: (weights: WeightSource, profile: DeviceProfile) => Uint8Array;
}

function part(name: string, weights: WeightSource, writing: Writing): Part {
  const { graph, profile, sizes, heldPerLive, openInputs, write } = writing;
  const { weightBytes, peakBytes } = trace(weights, openInputs, (source) => write(source, { ...profile, sizes }));
  const key = sessionKey({ file: weights.file, graph, sizes });
  return { name, weightBytes, activationBytes: heldPerLive * peakBytes, key };
}

/** The memory of the graph that `write` builds; its bytes are of no interest. */
export function trace(
  weights: WeightSource,
  openInputs: GraphMemoryOptions["openInputs"],
  write: (weights: WeightSource) => Uint8Array,
): GraphMemory {
  return graphMemory(tracedGraph(weights, write).trace, { openInputs });
}

/** Of the latents, and the tokens that self-attention of the finest level looks at. */
function stepSizes({ width, height, tokenDownsampling }: PictureRequest, { unet, vae }: ModelNetworks) {
  const [H, W] = [height / vae.config.scale, width / vae.config.scale];
  return { H, W, T: attendedTokens(unet.config, [H, W], tokenDownsampling).length };
}
