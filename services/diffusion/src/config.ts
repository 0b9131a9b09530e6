import { commaList } from "@armature/config";
import { modelId, PRECISIONS } from "@armature/contract";
import type { MemorySettings } from "@armature/devices";
import type { DecodeLimits } from "@armature/images";
import {
  count,
  deviceSettings,
  listenSettings,
  MODELS_DIR,
  machineDefaults as machineDefaultsOf,
  machineSettings,
  PRIVATE_SOURCES,
  preparedSettings,
  waitingLimits,
} from "@armature/service";
import { z } from "zod";
import type { AdapterKind } from "./adapters/index.js";
import type { GenerateLimits } from "./features/limits.js";

const controlNetSelection = z
  .string()
  .regex(/^[\w.+-]+(=[\w./+-]+)?$/, "wants type or type=folder, such as depth=lllyasviel/control_v11f1p_sd15_depth");

/** The service's whole configuration, from environment variables. */
export const Config = z.object({
  MODELS_DIR,
  MODELS: commaList(modelId).describe(
    "Model ids to serve, the default one first, comma-separated; default all there are",
  ),
  CONTROLNETS: commaList(controlNetSelection).describe(
    "ControlNets to serve, comma-separated: type (all of it: a request gets the one made for its model), or type=folder; default all there are",
  ),
  WARM: commaList(z.string()).describe(
    "Model ids and ControlNet types to load at the start; default none: at first use. Where one cannot be loaded, the service is not ready",
  ),
  PREPROCESSOR_URLS: commaList(z.url({ protocol: /^https?$/ })).describe(
    "Addresses of preprocessor services, comma-separated; tried in turn",
  ),
  PREPROCESSOR_TIMEOUT_S: count(120).describe("Seconds that a preprocessor may take for one control image"),
  CONTROL_CACHE_MB: z.coerce.number().min(0).default(128).describe("Megabytes of control images to remember"),
  ...listenSettings(1111),
  ...deviceSettings,
  DEVICE_MEMORY_GB: z.coerce
    .number()
    .min(0.01)
    .optional()
    .describe(
      "Gigabytes (10^9 bytes) of a GPU's memory that the service may use; default what nvidia-smi says is free",
    ),
  DEVICE_RESERVE_GB: z.coerce
    .number()
    .min(0)
    .default(1)
    .describe("Gigabytes of the GPU's memory to keep free: a margin for what the memory estimate misses"),
  PRECISION: z
    .enum(PRECISIONS)
    .default("float32")
    .describe(
      "Precision of UNet and ControlNets on the CPU, where a request does not say; int8 takes half the time and a sixth of the memory, and is not exact",
    ),
  ...machineSettings,
  ...preparedSettings(20),
  QUEUE_LIMIT: count(16).describe(
    "Requests that may wait for their turn, and as many more whose pictures are on their way; a further one gets 429",
  ),
  QUEUE_LIMIT_PER_CLIENT: count(8).describe("Requests of one client address that may wait"),
  QUEUE_WORK_LIMIT: count(400_000_000).describe(
    "Work that may wait, in pixels x steps x pictures with guidance; ControlNets add a third each, savings count",
  ),
  MAX_WAIT_S: count(600).describe("Seconds that a request may wait for its start"),
  MAX_PIXELS: count(1_048_576).describe("Width x height of a picture to make"),
  MAX_STEPS: count(150).describe("Steps of a request"),
  MAX_IMAGES: count(4).describe("Pictures of a request"),
  MAX_CONTROLNETS: count(4).describe("ControlNets of a request"),
  MAX_WORK: count(200_000_000).describe("Pixels x steps x pictures of a request"),
  MAX_PROMPT_LENGTH: count(2000).describe("Characters of a prompt"),
  MAX_BODY_MB: count(10).describe("Megabytes of a request's body"),
  MAX_INPUT_PIXELS: count(50_000_000).describe("Width x height of a picture that a request brings"),
  PRIVATE_SOURCES,
});

export type Config = z.infer<typeof Config>;

/** The limits on one request. */
export function requestLimits(config: Config): GenerateLimits {
  return {
    maxPixels: config.MAX_PIXELS,
    maxSteps: config.MAX_STEPS,
    maxImages: config.MAX_IMAGES,
    maxControlNets: config.MAX_CONTROLNETS,
    maxPromptLength: config.MAX_PROMPT_LENGTH,
    maxWork: config.MAX_WORK,
  };
}

/** Which adapters to serve, by their kinds. */
export const adapterSelection = (config: Config) =>
  ({ controlnet: config.CONTROLNETS }) satisfies Record<AdapterKind, string[] | undefined>;

/** Bytes of a request's body, and of a picture that one names by its address. */
export const bodyBytes = ({ MAX_BODY_MB }: Config): number => MAX_BODY_MB * 2 ** 20;

/** What a picture that a request brings, or that a preprocessor makes, may take to decode. */
export const decodeLimits = ({ MAX_INPUT_PIXELS }: Config): DecodeLimits => ({
  maxPixels: MAX_INPUT_PIXELS,
  timeoutS: DECODE_TIMEOUT_S,
});

const DECODE_TIMEOUT_S = 10;

/** How much waits, and how much is remembered between requests. */
export const jobSettings = (config: Config) => ({
  queue: { ...waitingLimits(config), maxWaitingCost: config.QUEUE_WORK_LIMIT },
  controlCacheBytes: config.CONTROL_CACHE_MB * 1e6,
  decodeLimits: decodeLimits(config),
});

/** What requests on a GPU are held against. */
export function deviceMemory({ DEVICE_MEMORY_GB, DEVICE_RESERVE_GB }: Config): MemorySettings {
  return {
    bytes: DEVICE_MEMORY_GB === undefined ? undefined : Math.round(DEVICE_MEMORY_GB * 1e9),
    reserveBytes: Math.round(DEVICE_RESERVE_GB * 1e9),
  };
}

/** Values for this machine of the settings that the operator left open. */
export const machineDefaults = (config: Config) => machineDefaultsOf("diffusion", config);
