/** What the HTTP process and the engine process say to each other. */
import type { Precision } from "@armature/contract";
import type { MemorySettings } from "@armature/devices";
import type { RgbImage } from "@armature/pixels";
import type { ResidentStatus } from "@armature/runtime";
import type { ControlRequest } from "../pipeline/control.js";
import type { GenerateRequest, StageTimings } from "../pipeline/generate.js";
import type { Catalogue } from "./catalogue.js";
import type { DiffusionDevice } from "./device-settings.js";

export interface EngineSettings {
  catalogue: Catalogue;
  device: DiffusionDevice;
  /** Of requests that do not say; undefined: the device has no choice. */
  precision: Precision | undefined;
  budgetBytes: number;
  /** Undefined on the CPU. */
  deviceMemory?: MemorySettings | undefined;
}

export interface GeneratePayload extends Omit<GenerateRequest, "count" | "controls" | "deepCache"> {
  model: string;
  /** One whole evaluation of the UNet in so many; 1: all are. */
  cacheInterval: number;
  /** Of UNet and ControlNets; undefined: the device's own. */
  precision: Precision | undefined;
  /** One a picture. */
  seeds: number[];
  controls: (ControlRequest & { type: string })[];
}

export interface GenerateOutcome {
  images: RgbImage[];
  timings: StageTimings & { loadMs: number };
  /** The end of the prompt that the text encoder could not take, if any. */
  cutPrompt?: string;
}

export type EngineProgress =
  | { stage: "loading" | "starting" | "compiling" | "decoding" }
  | { stage: "denoising"; step: number; steps: number }
  | { stage: "residency"; loaded: ResidentStatus[] }
  /** Results that the job has left in the device's memory: 0, or there is a leak. */
  | { stage: "ended"; deviceTensors: number };

export interface EngineJobs {
  generate: { payload: GeneratePayload; result: GenerateOutcome; progress: EngineProgress };
  /** `id` of the catalogue: loaded in the default precision, unloaded in all. */
  load: { payload: { id: string }; result: ResidentStatus[]; progress: EngineProgress };
  unload: { payload: { id: string }; result: ResidentStatus[]; progress: EngineProgress };
}
