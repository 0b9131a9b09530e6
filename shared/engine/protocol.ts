/**
 * What crosses between an engine and the process that owns it, by structured clone over the channel of `fork`.
 * Typed arrays and Buffers go over as their bytes: of a view, only the part it shows.
 */

import type { WireError } from "@armature/core";

/** What one kind of call takes, answers, and reports on its way. */
export interface EngineCall<Payload = unknown, Result = unknown, Progress = unknown> {
  payload: Payload;
  result: Result;
  progress: Progress;
}

/** The kinds of call that an engine knows, such as `{ generate: EngineCall<Request, Picture, Step> }`. */
export type CallTable<Calls> = Record<keyof Calls, EngineCall>;

/** `start` comes first and once; then one `run` at a time; `cancel` concerns the running call. */
export type ToEngine =
  | { type: "start"; settings: unknown }
  | { type: "run"; id: number; kind: string; payload: unknown }
  | { type: "cancel"; id: number };

/**
 * `ready` or `setup-failed` answers `start`. Each `run` is answered by `started`, any number of `progress`, then `result` or
 * `error`. `fatal` announces that an exception outside every call is about to end the process.
 */
export type FromEngine =
  | { type: "ready" }
  | { type: "setup-failed"; error: WireError }
  | { type: "started"; id: number }
  | { type: "progress"; id: number; event: unknown }
  | { type: "result"; id: number; result: unknown }
  | { type: "error"; id: number; error: WireError }
  | { type: "fatal" };
