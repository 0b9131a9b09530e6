/** What a model's small files must hold so that requests for it can work. */
import { AppError, InvalidModel } from "@armature/core";
import type { TokenLimits } from "../families/index.js";
import type { SchedulerConfig } from "../schedulers/scheduler.js";
import { loadClipTokenizer } from "../tokenizer/clip-tokenizer.js";
import type { Recommendation } from "./recommendation.js";
import { resolveSchedule, resolveScheduler } from "./resolve-scheduler.js";

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
