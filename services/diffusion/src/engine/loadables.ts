/** Turns entries of the catalogue into what the pipelines use: graphs are written, sessions opened. */
import { join } from "node:path";
import type { Precision } from "@armature/contract";
import { CPU_INT8_PROFILE, type DeviceProfile } from "@armature/graph";
import { type Loadable, type Network, openNetwork, type Session, type Sizes, type Tensors } from "@armature/runtime";
import { openModelFolder } from "@armature/weights";
import { clipTextModel, readClipTextConfig } from "../networks/clip-text.js";
import { conditioningEmbeddingModel, controlnetModel } from "../networks/controlnet.js";
import { promptSizes } from "../networks/inputs.js";
import { crossAttentionWeights, promptProjectionsModel } from "../networks/prompt-projections.js";
import { shallowUnetModel } from "../networks/shallow-unet.js";
import { unetModel } from "../networks/unet.js";
import type { EncoderConfig } from "../networks/unet-config.js";
import { readVaeConfig, type VaeConfig, vaeDecoderModel } from "../networks/vae.js";
import type { ControlNet, Model, ShallowUNet } from "../pipeline/components.js";
import type { TilePlan } from "../pipeline/tiled-decode.js";
import { loadClipTokenizer } from "../tokenizer/clip-tokenizer.js";
import type { ControlNetEntry, ModelEntry } from "./catalogue.js";
import type { DeviceSettings } from "./device-settings.js";
import { residentKey } from "./resident-key.js";

/** `precision`: of the UNet; undefined is the device's own, which counts as float32. */
export function loadableModel(
  entry: ModelEntry,
  device: DeviceSettings,
  precision: Precision | undefined = undefined,
): Loadable<Model> {
  return {
    key: residentKey(entry.id, { precision }),
    bytes: entry.bytes[precision ?? "float32"],
    load: () => loadModel(entry, inPrecision(device, precision)),
    release: ({ textEncoder, unet, vaeDecoder }) =>
      releaseAll([textEncoder.session, unet.projections, unet.session, vaeDecoder.session]),
  };
}

/** The model's shallow UNet: over the same file as the whole one, with the few weights that it takes. */
export function loadableShallowUNet(
  entry: ModelEntry,
  device: DeviceSettings,
  precision: Precision | undefined = undefined,
): Loadable<ShallowUNet> {
  return {
    key: residentKey(entry.id, { precision, shallow: true }),
    bytes: entry.shallowBytes[precision ?? "float32"],
    load: () => loadShallowUNet(entry, inPrecision(device, precision)),
    release: ({ session }) => session.release(),
  };
}

export function loadableControlNet(
  entry: ControlNetEntry,
  device: DeviceSettings,
  precision: Precision | undefined = undefined,
): Loadable<ControlNet> {
  return {
    key: residentKey(entry.id, { precision }),
    bytes: entry.bytes[precision ?? "float32"],
    load: () => loadControlNet(entry, inPrecision(device, precision)),
    release: ({ session, projections, embedding }) => releaseAll([session, projections, embedding]),
  };
}

function inPrecision(device: DeviceSettings, precision: Precision | undefined): DeviceSettings {
  return precision === "int8" ? { ...device, unetProfile: CPU_INT8_PROFILE } : device;
}

async function loadModel({ folder, unet, schedulerConfig }: ModelEntry, device: DeviceSettings): Promise<Model> {
  const { profile, vaeProfile = profile, unetProfile = profile } = device;
  const text = openModelFolder(join(folder, "text_encoder"));
  const textConfig = readClipTextConfig(text.config);
  const vae = openModelFolder(join(folder, "vae"));
  const vaeConfig = readVaeConfig(vae.config);
  const { weights } = openModelFolder(join(folder, "unet"));
  return {
    textEncoder: {
      tokenizer: loadClipTokenizer(join(folder, "tokenizer")),
      session: await openNetwork(
        {
          weights: text.weights,
          profile,
          graph: "clip-text",
          write: (source, sized) => clipTextModel(source, textConfig, sized),
          sizesOf: ({ input_ids }) => ({ B: input_ids!.dims[0]! }),
        },
        device,
      ),
      config: textConfig,
    },
    unet: {
      session: await openNetwork(
        {
          weights,
          graph: "unet",
          profile: unetProfile,
          write: (source, sized) => unetModel(source, unet, sized),
          sizesOf: stepSizes,
        },
        device,
      ),
      projections: await openProjections({ weights, config: unet, profile: unetProfile }, device),
      config: unet,
      profile,
    },
    vaeDecoder: {
      session: await openNetwork(
        {
          weights: vae.weights,
          profile: vaeProfile,
          graph: "vae-decoder",
          write: (source, sized) => vaeDecoderModel(source, vaeConfig, sized),
          sizesOf: ({ latents }) => ({ B: latents!.dims[0]!, H: latents!.dims[2]!, W: latents!.dims[3]! }),
        },
        device,
      ),
      config: vaeConfig,
      tiles: decoderTiles(vaeConfig, vaeProfile),
    },
    schedulerConfig,
  };
}

async function loadShallowUNet({ folder, unet }: ModelEntry, device: DeviceSettings): Promise<ShallowUNet> {
  const { weights } = openModelFolder(join(folder, "unet"));
  const { profile, unetProfile = profile } = device;
  return {
    session: await openNetwork(
      {
        weights,
        graph: "shallow-unet",
        profile: unetProfile,
        write: (source, sized) => shallowUnetModel(source, unet, sized),
        sizesOf: stepSizes,
      },
      device,
    ),
  };
}

async function loadControlNet({ folder, config }: ControlNetEntry, device: DeviceSettings): Promise<ControlNet> {
  const { weights } = openModelFolder(folder);
  const { profile, unetProfile = profile } = device;
  const factor = 2 ** (config.embeddingChannels.length - 1);
  return {
    session: await openNetwork(
      {
        weights,
        profile: unetProfile,
        graph: "controlnet",
        write: (source, sized) => controlnetModel(source, config, sized),
        sizesOf: stepSizes,
        keepOutputs: true,
      },
      device,
    ),
    projections: await openProjections({ weights, config, profile: unetProfile }, device),
    embedding: await openNetwork(
      {
        weights,
        profile,
        graph: "conditioning-embedding",
        write: (source, sized) => conditioningEmbeddingModel(source, config, sized),
        sizesOf: ({ image }) => ({
          B: image!.dims[0]!,
          H: image!.dims[2]! / factor,
          W: image!.dims[3]! / factor,
        }),
        keepOutputs: true,
      },
      device,
    ),
    config,
  };
}

interface Projected extends Pick<Network, "weights" | "profile"> {
  config: EncoderConfig;
}

/** What the network of these weights sees of the prompt, in its own profile. */
function openProjections({ weights, config, profile }: Projected, device: DeviceSettings): Promise<Session> {
  return openNetwork(
    {
      // so few bytes that every batch of a request stays open: what one gave is in use until the last step
      weights: crossAttentionWeights(weights),
      profile,
      graph: "prompt-projections",
      write: (source, sized) => promptProjectionsModel(source, config, sized),
      sizesOf: ({ context }) => ({ B: context!.dims[0]!, S: context!.dims[1]! }),
      keepOutputs: true,
    },
    device,
  );
}

/** Neighbouring tiles share so many latent cells: about what a pixel of the decoder sees to one side. */
const TILE_OVERLAP = 8;
const SMALLEST_TILE = 16;

/**
 * The largest tile whose widest activation stays below what the device binds whole: at full size there are as many channels as
 * at the second finest level.
 */
export function decoderTiles({ channels, scale }: VaeConfig, profile: DeviceProfile): TilePlan | undefined {
  const { maxTensorBytes, compute } = profile;
  if (maxTensorBytes === undefined) return undefined;
  const widest = (channels[1] ?? channels[0]!) * (compute === "float16" ? 2 : 4);
  const side = Math.floor(Math.sqrt(maxTensorBytes / widest) / scale);
  return { side: Math.max(SMALLEST_TILE, side - (side % 8)), overlap: TILE_OVERLAP };
}

/** The sizes of one step's inputs, of the UNet and of ControlNets. */
function stepSizes(feeds: Tensors): Sizes {
  const [B, , H, W] = feeds.sample!.dims as [number, number, number, number];
  return { B, H, W, T: feeds.attended_tokens!.dims[0]!, ...promptSizes(feeds) };
}

async function releaseAll(sessions: Session[]): Promise<void> {
  for (const session of sessions) await session.release();
}
