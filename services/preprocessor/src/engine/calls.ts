/** What the HTTP process and the engine process say to each other. */
import type { EngineCall } from "@armature/engine";
import type { RgbImage } from "@armature/pixels";
import type { ResidentStatus } from "@armature/runtime";
import type { ControlImage } from "../annotators/annotator.js";
import type { PreprocessorDevice } from "./loadable-networks.js";
import type { ProcessorModels } from "./processor-models.js";

export interface EngineSettings {
  models: ProcessorModels;
  device: PreprocessorDevice;
  budgetBytes: number;
}

export interface AnnotatePayload {
  /** Id of a processor. */
  processor: string;
  /** The processor's options, as its own schema parsed them. */
  options: Record<string, unknown>;
  image: RgbImage;
}

export interface AnnotateOutcome {
  image: ControlImage;
  /** The processor's work, without the loading of its networks. */
  inferenceMs: number;
  loadMs: number;
}

/** What is loaded, when that changes; the size of the network that is loaded next; and that all networks of a picture are there. */
export type EngineProgress =
  | { stage: "residency"; loaded: ResidentStatus[] }
  | { stage: "loading"; bytes: number }
  | { stage: "annotating" };

export interface PreprocessorCalls {
  annotate: EngineCall<AnnotatePayload, AnnotateOutcome, EngineProgress>;
  /** Loads what a processor needs. */
  warm: EngineCall<{ processor: string }, void, EngineProgress>;
}
