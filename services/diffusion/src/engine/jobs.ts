/** What the HTTP process and the engine process say to each other. */
import type { Precision } from "@armature/contract";
import type { MemorySettings } from "@armature/devices";
import type { RgbImage } from "@armature/pixels";
import type { ResidentStatus } from "@armature/runtime";
import type { ControlRequest } from "../denoise/control.js";
import type { ResolvedRequest } from "../features/index.js";
import type { Size } from "../features/size.js";
import type { StageTimings } from "../pipelines/generate.js";
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

/** A resolved request whose pictures are made, and whose size is known by them. */
export interface GeneratePayload extends Omit<ResolvedRequest, "size" | "controls" | "output">, Size {
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
