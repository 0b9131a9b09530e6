/** The table of schedulers, and the way to start one. A new scheduler is a file of its own and a row here. */
import { ddim } from "./ddim.js";
import { dpmSolverMultistep } from "./dpmsolver-multistep.js";
import { euler } from "./euler.js";
import { eulerAncestral } from "./euler-ancestral.js";
import { heun } from "./heun.js";
import { addNoise, type Latents, scale } from "./latents.js";
import { lcm } from "./lcm.js";
import { pndm } from "./pndm.js";
import { SchedulerRefusal } from "./refusal.js";
import type { Schedule, ScheduledRun, Scheduler, SchedulerConfig } from "./scheduler.js";
import { uniPc } from "./unipc.js";

export const SCHEDULERS: readonly Scheduler[] = [
  ddim,
  pndm,
  euler,
  eulerAncestral,
  heun,
  dpmSolverMultistep,
  uniPc,
  lcm,
];

/** How latents are sampled, as plain JSON. */
export interface SamplingSettings {
  /** Complete: the model's own with the request's overrides. */
  scheduler: SchedulerConfig;
  numInferenceSteps: number;
  /** 0 to 1. */
  eta: number;
}

interface StartOptions extends SamplingSettings {
  /** Standard normal noise of the latents' size, [B, C, H, W] flat. */
  latents: Latents;
  /** The draws of the steps, for the whole batch at once: each image's from its own generator, one after another. */
  noise(count: number): Latents;
  /** Latents of an image to start from, and the index of the timestep whose share of noise they get. */
  image?: { latents: Latents; begin: number } | undefined;
}

/** Plans a run and scales its start. Throws SchedulerRefusal for steps or options that the scheduler cannot follow. */
export function startScheduler(options: StartOptions): ScheduledRun {
  const { scheduler, numInferenceSteps, latents, noise, eta, image } = options;
  const schedule = scheduleOf(scheduler, numInferenceSteps);
  const begin = image?.begin ?? 0;
  const start = image
    ? addNoise(image.latents, latents, schedule.levels[begin]!)
    : scale(schedule.initNoiseSigma, latents);
  return {
    timesteps: schedule.timesteps.slice(begin),
    evaluations: schedule.timesteps.length - begin,
    start,
    run: () => schedule.sample({ latents: start, noise, eta, begin }),
  };
}

/** The index of the timestep at which a run begins that leaves out a number of steps. */
export const beginAfter = (steps: number, { order = 1 }: Schedule): number => steps * order;

/** The scheduler of a configuration. */
export function schedulerOf({ name }: Pick<SchedulerConfig, "name">): Scheduler {
  const scheduler = SCHEDULERS.find(({ className }) => className === name);
  if (!scheduler) throw new Error(`there is no scheduler ${name}`);
  return scheduler;
}

/** The timesteps and noise levels of a configured scheduler. Throws SchedulerRefusal as `startScheduler` does. */
export function scheduleOf({ name, ...options }: SchedulerConfig, numInferenceSteps: number): Schedule {
  const configured = schedulerOf({ name }).configure(new Map(Object.entries(options)), (key, detail) => {
    throw new SchedulerRefusal(detail, key);
  });
  return configured.schedule(numInferenceSteps);
}
