/** What a model's small files must hold so that requests for it can work. */
import { join } from "node:path";
import { AppError, InvalidModel } from "@armature/core";
import { ModelConfig } from "@armature/weights";
import type { TokenLimits } from "../families/index.js";
import type { SchedulerConfig } from "../schedulers/scheduler.js";
import { loadClipTokenizer } from "../tokenizer/clip-tokenizer.js";
import type { Recommendation } from "./recommendation.js";
import { resolveSchedule, resolveScheduler } from "./resolve-scheduler.js";

/** diffusers' pipelines whose parts are those that this service runs. */
const PIPELINES = [
  "StableDiffusionPipeline",
  "StableDiffusionImg2ImgPipeline",
  "StableDiffusionControlNetPipeline",
  "StableDiffusionControlNetImg2ImgPipeline",
] as const;

/** Throws InvalidModel where model_index.json cannot be read or names another pipeline; one that names none counts as the first. */
export function requirePipeline(folder: string): void {
  ModelConfig.read(join(folder, "model_index.json")).oneOf("_class_name", PIPELINES, PIPELINES[0]);
}

/** Throws InvalidModel where the files are not whole, or give what the text encoder cannot take. */
export function requireTokenizer(folder: string, { tokens, vocabulary }: TokenLimits): void {
  const { maxLength, largestId } = loadClipTokenizer(folder);
  if (maxLength !== tokens) {
    throw new InvalidModel(`${folder}: gives ${maxLength} tokens (model_max_length); the text encoder takes ${tokens}`);
  }
  if (largestId >= vocabulary) {
    throw new InvalidModel(
      `${folder}: has a token of id ${largestId}; the text encoder knows ${vocabulary} (vocab_size)`,
    );
  }
}

/** Throws InvalidModel where requests that name no scheduler could not be answered. */
export function requireScheduler(
  { scheduler, num_inference_steps: steps }: Recommendation,
  config: SchedulerConfig,
  folder: string,
): void {
  try {
    resolveSchedule(resolveScheduler(scheduler, config), steps);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const where = scheduler === undefined ? "scheduler" : `armature.json: scheduler ${JSON.stringify(scheduler)}`;
    throw new InvalidModel(`${folder}: ${where}: ${error.message}`, { cause: error });
  }
}
