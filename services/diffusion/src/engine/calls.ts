/** What the HTTP process and the engine process say to each other. */
import type { Precision } from "@armature/contract";
import type { MemorySettings } from "@armature/devices";
import type { RgbImage } from "@armature/pixels";
import type { DeviceName, ResidentStatus } from "@armature/runtime";
import type { DiffusionDevice } from "../facts/device-settings.js";
import type { PicturesByPlace } from "../pictures/pictures-by-place.js";
import type { CutTexts } from "../prompts/prompt-embeds.js";
import type { Served } from "../served/served.js";
import type { Recipe } from "../stages/recipe.js";

export interface EngineSettings {
  served: Served;
  device: DiffusionDevice;
  /** Of requests that do not say; undefined: the device has no choice. */
  precision: Precision | undefined;
  budgetBytes: number;
  /** Undefined on the CPU. */
  deviceMemory?: MemorySettings | undefined;
}

export interface GeneratePayload {
  /** The id that the request's measurements go under. */
  model: string;
  recipe: Recipe;
  pictures: PicturesByPlace;
}

/** What computed a picture: the same request is the same bytes where this is the same. */
export interface Computed {
  device: DeviceName;
  /** Networks that the prepared form of their weights computed, such as `sd15 unet`. */
  prepared: string[];
}

export interface GenerateOutcome {
  images: RgbImage[];
  timings: { loadMs: number; inferenceMs: number };
  cutTexts: CutTexts;
  computed: Computed;
}

export type EngineProgress =
  /** The networks of a stage of the recipe are loaded, or, with `bytes`, one network of that size. */
  | { stage: "loading"; bytes?: number }
  /** `starting`: a stage of the recipe, whose networks are loaded. */
  | { stage: "starting" | "compiling" }
  | { stage: "denoising"; step: number; steps: number }
  | { stage: "residency"; loaded: ResidentStatus[] }
  /** Results that the call has left in the device's memory: 0, or there is a leak. */
  | { stage: "ended"; deviceTensors: number };

export interface DiffusionCalls {
  generate: { payload: GeneratePayload; result: GenerateOutcome; progress: EngineProgress };
  /** `id` of a model or ControlNet: loaded in the default precision, unloaded in all. */
  load: { payload: { id: string }; result: ResidentStatus[]; progress: EngineProgress };
  unload: { payload: { id: string }; result: ResidentStatus[]; progress: EngineProgress };
}
