/** How an exchange went, for the log and the metrics: its status may have gone out long before it failed. */
import type { ServerResponse } from "node:http";
import { isFault, PROBLEMS, type Problem } from "./problem.js";

interface Failure {
  problem: Problem;
  thrown: unknown;
}

export interface Outcome extends Partial<Failure> {
  /** Status of the failure, else the status that was sent, or that of `cancelled` if the client did not wait for the answer. */
  status: number;
}

const failures = new WeakMap<ServerResponse, Failure>();
const lateListeners = new WeakMap<ServerResponse, (fault: Failure) => void>();

/** Notes why the request failed, also where its answer began with another status. */
export function noteProblem(res: ServerResponse, problem: Problem, thrown: unknown): void {
  const failure = { problem, thrown };
  failures.set(res, failure);
  if (isFault(problem)) lateListeners.get(res)?.(failure);
}

/** The outcome of an exchange that is over. */
export function outcomeOf(res: ServerResponse): Outcome {
  const failure = failures.get(res);
  if (failure) return { ...failure, status: failure.problem.status };
  return { status: res.writableFinished ? res.statusCode : PROBLEMS.cancelled.status };
}

/** Calls back for a fault that is noted from now on: one that shows only after the client has left. */
export function onLateFault(res: ServerResponse, listener: (fault: Failure) => void): void {
  lateListeners.set(res, listener);
}
