/** A job as plain JSON: what is asked for, and what has happened to it. Pictures are blobs, named by their digest. */
import type { WireError } from "@armature/core";
import type { QueuePosition } from "./queue.js";

export interface JobSpec<Input = unknown> {
  /** A name in the table of job kinds. */
  kind: string;
  /** What this kind of job takes, as plain JSON. */
  input: Input;
  /** Estimated work in the queue's own unit, such as pixels x steps. */
  cost: number;
  /** Name of the client; clients take turns. */
  client: string;
  /** Greater goes first; default 0. */
  priority?: number;
  /** How long the job may wait for its start. One that will not or did not start by then is refused. */
  deadlineMs?: number;
  /** A detached job goes on when its last follower leaves; others are cancelled then. */
  detached?: boolean;
}

type JobState = "queued" | "running" | "completed" | "failed" | "cancelled";

export interface Job {
  id: string;
  spec: JobSpec;
  state: JobState;
}

/** The data of the events that a kind of job brings about. */
export interface JobTypes {
  progress: unknown;
  output: unknown;
  result: unknown;
}

/** What happens to a job; the last event is `completed`, `failed` or `cancelled`. */
export type JobNews<T extends JobTypes = JobTypes> =
  /** The place is the present one, found when the event is read; none once the job no longer waits. */
  | { event: "queued"; data: Partial<QueuePosition> }
  /** `queueMs`: how long it waited for others since it was ready; `waitedMs`: since it arrived. */
  | { event: "started"; data: { queueMs: number; waitedMs: number } }
  | { event: "progress"; data: T["progress"] }
  | { event: "output"; data: T["output"] }
  | { event: "completed"; data: T["result"] }
  | { event: "failed"; data: WireError }
  | { event: "cancelled"; data: Record<string, never> };

/** `id` grows by one per job, from 1. */
export type JobEvent<T extends JobTypes = JobTypes> = JobNews<T> & { id: number };

/** The state of a job whose last event this is. */
export function stateAfter(event: JobNews["event"]): JobState {
  return event === "started" || event === "progress" || event === "output" ? "running" : event;
}

export const hasEnded = (state: JobState): boolean => state !== "queued" && state !== "running";
