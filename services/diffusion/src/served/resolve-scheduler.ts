/** Which scheduler a request means: diffusers' `from_config`, with the names that people use. */
import { InvalidModel, InvalidRequest, nearest } from "@armature/core";
import { SCHEDULERS, scheduleOf } from "../schedulers/index.js";
import { SchedulerRefusal } from "../schedulers/refusal.js";
import type { ConfiguredScheduler, Schedule, Scheduler, SchedulerConfig } from "../schedulers/scheduler.js";

/** A name, or `{name, ...options}` with options as in scheduler_config.json. */
export type SchedulerRequest = string | Readonly<Record<string, unknown>>;

/**
 * The complete configuration: the request's options over those that its short name implies, over the model's own, over the
 * class's defaults. Options of the model that the requested class does not know are left out, as in diffusers.
 * Throws InvalidRequest pointing at `/scheduler` or below, or InvalidModel where the model's own scheduler cannot be used.
 */
export function resolveScheduler(request: SchedulerRequest | undefined, model: SchedulerConfig): SchedulerConfig {
  if (request === undefined) return modelScheduler(model);
  const { pointer, name, options } = readRequest(request);
  const { scheduler, implied } = findScheduler(name, pointer);
  requireKnownOptions(scheduler, options);

  const values = new Map([...Object.entries(model), ...Object.entries(implied), ...options]);
  const configured = scheduler.configure(values, (key, detail) => {
    if (options.has(key)) throw invalid(`/scheduler/${key}`, detail);
    const source =
      Object.hasOwn(model, key) && !Object.hasOwn(implied, key) ? " (from the model's scheduler_config.json)" : "";
    throw invalid(pointer, `${scheduler.className} cannot take ${key}${source}: ${detail}`);
  });
  return complete(scheduler, configured);
}

/** The schedule of a resolved scheduler. Throws InvalidRequest for a number of steps that it cannot make. */
export const resolveSchedule = (config: SchedulerConfig, numInferenceSteps: number): Schedule =>
  asInvalid(() => scheduleOf(config, numInferenceSteps));

/** Throws InvalidRequest where a run of the schedule cannot begin at this timestep. */
export function requireBegin(schedule: Schedule, begin: number): void {
  const latents = new Float32Array();
  asInvalid(() => schedule.sample({ latents, noise: () => latents, eta: 0, begin }));
}

/** What a scheduler refuses, as a refusal of the field that it is about. */
function asInvalid<T>(plan: () => T): T {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof SchedulerRefusal)) throw error;
    const pointer = error.option === undefined ? "/num_inference_steps" : `/scheduler/${error.option}`;
    throw invalid(pointer, error.message);
  }
}

/** Every name that `resolveScheduler` takes, in its usual spelling: class names first. */
export const schedulerNames = (): string[] => [
  ...SCHEDULERS.map(({ className }) => className),
  ...SCHEDULERS.flatMap((scheduler) => shortNamesOf(scheduler).map(([name]) => name)),
];

function modelScheduler(model: SchedulerConfig): SchedulerConfig {
  const scheduler = SCHEDULERS.find(({ className }) => className === model.name);
  if (!scheduler) {
    const known = SCHEDULERS.map(({ className }) => className).join(", ");
    throw new InvalidModel(
      `scheduler_config.json: ${model.name} is not supported; a request may choose one of ${known}`,
    );
  }
  const configured = scheduler.configure(new Map(Object.entries(model)), (key, detail) => {
    throw new InvalidModel(`scheduler_config.json: ${key} of ${model.name} ${detail}`);
  });
  return complete(scheduler, configured);
}

/** What JSON cannot carry is left out; it is the default, or it comes from the model's file again. */
function complete({ className }: Scheduler, { values }: ConfiguredScheduler): SchedulerConfig {
  const carried = Object.entries(values).filter(([, value]) => typeof value !== "number" || Number.isFinite(value));
  return { name: className, ...Object.fromEntries(carried) };
}

interface ReadRequest {
  /** Where the name stands. */
  pointer: string;
  name: string;
  options: Map<string, unknown>;
}

function readRequest(request: SchedulerRequest): ReadRequest {
  if (typeof request === "string") return { pointer: "/scheduler", name: request, options: new Map() };
  const options = new Map(Object.entries(request));
  const name = options.get("name");
  options.delete("name");
  if (typeof name !== "string")
    throw invalid("/scheduler/name", `wants a scheduler's name; ${possible(schedulerNames())}`);
  return { pointer: "/scheduler/name", name, options };
}

function findScheduler(name: string, pointer: string): Named {
  const found = BY_NAME.get(plainName(name));
  if (found) return found;
  throw invalid(pointer, unknown(`there is no scheduler ${quote(name)}`, name, schedulerNames()));
}

function requireKnownOptions({ className, keys }: Scheduler, options: ReadonlyMap<string, unknown>): void {
  const issues = [...options.keys()]
    .filter((key) => !keys.includes(key))
    .map((key) => ({
      pointer: `/scheduler/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`,
      detail: unknown(`${className} has no such option`, key, keys),
    }));
  if (issues.length > 0) throw new InvalidRequest(issues);
}

function unknown(problem: string, name: string, known: string[]): string {
  const near = nearest(name, known);
  return `${problem}; ${near === undefined ? "" : `did you mean ${quote(near)}? `}${possible(known)}`;
}

const possible = (names: string[]) => `possible: ${names.join(", ")}`;
const quote = (name: string) => JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);
const invalid = (pointer: string, detail: string) => new InvalidRequest([{ pointer, detail }]);

interface Named {
  scheduler: Scheduler;
  implied: Record<string, unknown>;
}

/** A short name means the same on every model, so it also says whether sigmas are Karras'; a class name leaves that to the model. */
function shortNamesOf({ shortNames, keys }: Scheduler): [string, Record<string, unknown>][] {
  const names = Object.entries(shortNames);
  if (!keys.includes("use_karras_sigmas")) return names;
  return names.flatMap(([name, implied]) => [
    [name, { ...implied, use_karras_sigmas: false }],
    [`${name} karras`, { ...implied, use_karras_sigmas: true }],
  ]);
}

/** Case, spaces, underscores and hyphens do not count, `pp` is `++`, and k-diffusion's `k_` may be in front. */
const plainName = (name: string) =>
  name
    .toLowerCase()
    .replace(/^k[_ ]/, "")
    .replaceAll(/[\s_-]/g, "")
    .replaceAll("++", "pp");

const BY_NAME: ReadonlyMap<string, Named> = new Map(
  SCHEDULERS.flatMap((scheduler) => [
    [plainName(scheduler.className), { scheduler, implied: {} }] as const,
    [plainName(scheduler.className.replace(/Scheduler$/, "")), { scheduler, implied: {} }] as const,
    ...shortNamesOf(scheduler).map(([name, implied]) => [plainName(name), { scheduler, implied }] as const),
  ]),
);
