/** What a scheduler is: options, and for a number of steps a schedule that can be run any number of times. */
import { impossibleBetas, type TRAINING } from "./alphas.js";
import type { Latents } from "./latents.js";
import { type ConfigOf, type Options, type Refuse, readOptions, wireName } from "./options.js";
import type { Level } from "./prediction.js";

/**
 * A scheduler's configuration: which one, and its options under their names in diffusers' scheduler_config.json. Flat and plain, so
 * that it can be shown to a client, sent back by one, and handed to another process.
 */
export interface SchedulerConfig {
  /** The class in diffusers, such as `DDIMScheduler`. */
  readonly name: string;
  readonly [option: string]: unknown;
}

/** One call of the network that a sampler asks for; it is handed the raw output: noise, v or x0. */
export interface Evaluation {
  /** The latents before this step, as diffusers' scheduler holds them. */
  sample: Latents;
  /** How much of the data and of the noise `sample` holds. */
  level: Level;
  /** What the network sees: the sample, scaled if the scheduler scales. */
  modelInput: Latents;
  /** Not a whole number for some schedulers. */
  timestep: number;
  /** Counts the evaluations of this run from 0. */
  step: number;
}

/**
 * The sample after the step that an evaluation led to, as diffusers' `step` gives it. The sampler goes on with what it is handed: the
 * same latents, or what a stage made of them.
 */
export interface Settle {
  settle: Latents;
  /** What the next evaluation's sample holds; after the last one the clean picture. */
  level: Level;
}

/** Yields an evaluation, then the sample to settle, in turns; returns the last sample. */
export type Sampler = Generator<Evaluation | Settle, Latents, Latents>;

/** What a sampler is given for one run over a batch. */
export interface Run {
  /** Noise times `initNoiseSigma`, or an image noised to the level that the run begins at. */
  latents: Latents;
  /** Draws as many standard normal values as asked for, for the whole batch at once. */
  noise(count: number): Latents;
  /** 0 (deterministic) to 1: the share of fresh noise, where the scheduler takes it. */
  eta: number;
  /** The index of the timestep to begin at: 0 unless an image was given. */
  begin?: number;
}

/** The plan for a number of steps. Holds no state of a run. */
export interface Schedule {
  /** One for each evaluation, in order; there may be more than steps. */
  timesteps: readonly number[];
  /** What the sample holds before each evaluation, and at the end: one more than timesteps. */
  levels: readonly Level[];
  /** Noise levels, one more than timesteps; only where diffusers' scheduler has them. */
  sigmas?: readonly number[];
  /** The standard deviation of the latents that a run without an image begins with. */
  initNoiseSigma: number;
  /** Evaluations of a step, where a run that begins at an image counts them so: `order` in diffusers. 1 unless given. */
  order?: number;
  /** Makes `timesteps.length - begin` evaluations. Throws SchedulerRefusal where it cannot begin there. */
  sample(run: Run): Sampler;
}

/** A run that is ready to go. */
export interface ScheduledRun {
  /** One for each evaluation of this run. */
  timesteps: readonly number[];
  evaluations: number;
  /** The latents that the first evaluation gets: scaled noise, or the noised image. */
  start: Latents;
  run(): Sampler;
}

interface SchedulerTraits {
  /** Whether `eta` of a run has an effect. */
  takesEta: boolean;
  /** Gives the sample new noise in every step, so that nothing of one step fits the next. */
  renewsNoise: boolean;
}

/** The options of every scheduler: those of the noise that the model was trained with. */
type TrainingOptions = Options & typeof TRAINING;

interface SchedulerDefinition<O extends TrainingOptions> {
  /** The name of the class in diffusers. */
  className: string;
  /** Names that people use, with the options that each implies, under their names in scheduler_config.json. */
  shortNames: Record<string, Record<string, unknown>>;
  options: O;
  /** What of a request it takes or spoils. */
  traits?: Partial<SchedulerTraits>;
  /** An option whose value does not go with another's, if there is one. */
  conflict?(config: ConfigOf<O>): { option: keyof O & string; detail: string } | undefined;
  /** Throws SchedulerRefusal for a number of steps that this scheduler cannot make. */
  schedule(config: ConfigOf<O>, numInferenceSteps: number): Schedule;
}

/** A scheduler that has read its options. */
export interface ConfiguredScheduler {
  /** Every option with the value in force, under its name in scheduler_config.json. */
  values: Record<string, unknown>;
  schedule(numInferenceSteps: number): Schedule;
}

export interface Scheduler extends SchedulerTraits {
  className: string;
  shortNames: Record<string, Record<string, unknown>>;
  /** The options' names in scheduler_config.json. */
  keys: string[];
  /** Values are under those names; keys that are no option are ignored. `refuse` is told of a value that cannot be followed. */
  configure(values: ReadonlyMap<string, unknown>, refuse: Refuse): ConfiguredScheduler;
}

/** Makes a row of the table of schedulers out of a scheduler's own definition. */
export function defineScheduler<O extends TrainingOptions>(definition: SchedulerDefinition<O>): Scheduler {
  const { className, shortNames, options, traits, conflict, schedule } = definition;
  return {
    ...{ className, shortNames, takesEta: false, renewsNoise: false, ...traits },
    keys: Object.keys(options).map(wireName),
    configure(values, refuse) {
      const config = readOptions(options, values, refuse);
      const problem = impossibleBetas(config as ConfigOf<typeof TRAINING>) ?? conflict?.(config);
      if (problem) refuse(wireName(problem.option), problem.detail);
      return {
        values: Object.fromEntries(Object.entries(config).map(([name, value]) => [wireName(name), value])),
        schedule: (numInferenceSteps) => schedule(config, numInferenceSteps),
      };
    },
  };
}
