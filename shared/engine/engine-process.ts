/**
 * The process beside HTTP that owns the model sessions, seen from its parent: calls in; progress, results and errors out.
 * The process runs one call at a time. If it ends, the call in it fails, and a new process goes on with the next one.
 */

import { deserialize, serialize } from "node:v8";
import type { EngineOptions, EngineState } from "./engine-options.js";
import type { CallOptions } from "./pending-call.js";
import type { CallTable } from "./protocol.js";
import { Supervisor } from "./supervisor.js";

export interface Engine<Calls extends CallTable<Calls>> {
  /**
   * Runs one call; further ones wait for it, in order. Rejects with the error that the call threw (as its own class if that
   * is one of `errors.ts`), Cancelled, EngineCrashed, EngineUnavailable, or Draining.
   */
  run<Kind extends keyof Calls & string>(
    kind: Kind,
    payload: Calls[Kind]["payload"],
    options?: CallOptions<Calls[Kind]["progress"]>,
  ): Promise<Calls[Kind]["result"]>;
  state(): EngineState;
  /** Resolves when calls can run. Rejects with EngineUnavailable if the engine has failed, Draining if it is stopped. */
  ready(): Promise<void>;
  /** Kills the process, as after a loss of its device or when it hangs; the call in it fails with EngineCrashed and this reason. */
  restart(reason: string): void;
  /** Refuses what waits, lets the running call end for up to `graceMs` (default: 30 s), then ends the process. */
  stop(options?: { graceMs?: number }): Promise<void>;
}

/** Starts an engine process and keeps one running until `stop`. Throws a DataCloneError if the settings cannot be cloned. */
export function startEngine<Calls extends CallTable<Calls>, Settings = unknown>(
  options: EngineOptions<Settings>,
): Engine<Calls> {
  // A copy, made as the channel makes it: what cannot cross fails here, and a restart gets what the first start got.
  const settings: unknown = deserialize(serialize(options.settings));
  // Types end at the channel: that the entry serves these calls is what its `serveEngine<Calls>` promises.
  return new Supervisor({ ...options, settings }) as unknown as Engine<Calls>;
}
