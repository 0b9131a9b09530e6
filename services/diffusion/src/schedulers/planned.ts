/** What samplers that plan all their steps first share: the plan over a model's training steps, and the schedule made of a plan. */
import { alphasCumprod, type Training } from "./alphas.js";
import { type Level, levelsAt } from "./prediction.js";
import type { Run, Sampler, Schedule } from "./scheduler.js";

interface Plan {
  timesteps: number[];
  levels: Level[];
}

/** The schedule of a sampler that is given its options and its plan together, and starts from noise of strength 1. */
export function plannedSchedule<C, P extends Plan>(
  c: C,
  plan: P,
  sample: (plan: C & P, run: Run) => Sampler,
): Schedule {
  return { ...plan, initNoiseSigma: 1, sample: (run) => sample({ ...c, ...plan }, run) };
}

export interface TrainingPlan extends Plan {
  alphas: Float32Array;
  /** Each step goes this far down, also where the timesteps are spaced otherwise: so does diffusers. */
  stride: number;
}

/** The plan of a sampler that goes from training step to training step. */
export function trainingPlan(c: Training, timesteps: number[], numInferenceSteps: number): TrainingPlan {
  const alphas = alphasCumprod(c);
  const stride = Math.floor(c.numTrainTimesteps / numInferenceSteps);
  return { timesteps, levels: levelsAt(timesteps, alphas), alphas, stride };
}

interface LastStep {
  alphas: Float32Array;
  /** What the last step goes to: pure data, or the first training step. */
  setAlphaToOne: boolean;
}

/** The data's share of the variance at a timestep; below 0 that of the last step's end. */
export function alphaAt({ alphas, setAlphaToOne }: LastStep, timestep: number): number {
  if (timestep >= 0) return alphas[timestep]!;
  return setAlphaToOne ? 1 : alphas[0]!;
}
