/**
 * The process beside HTTP that owns the model sessions, seen from its parent: jobs in; progress, results and errors out.
 * The process runs one job at a time. If it ends, the job in it fails, and a new process goes on with the next one.
 */

import { deserialize, serialize } from "node:v8";
import type { EngineOptions, EngineState } from "./engine-options.js";
import type { RunOptions } from "./job.js";
import type { JobKinds } from "./protocol.js";
import { Supervisor } from "./supervisor.js";

export interface Engine<Jobs extends JobKinds<Jobs>> {
  /**
   * Runs one job; further ones wait for it, in order. Rejects with the error that the job threw (as its own class if that
   * is one of `errors.ts`), Cancelled, EngineCrashed, EngineUnavailable, or Draining.
   */
  run<Kind extends keyof Jobs & string>(
    kind: Kind,
    payload: Jobs[Kind]["payload"],
    options?: RunOptions<Jobs[Kind]["progress"]>,
  ): Promise<Jobs[Kind]["result"]>;
  state(): EngineState;
  /** Resolves when jobs can run. Rejects with EngineUnavailable if the engine has failed, Draining if it is stopped. */
  ready(): Promise<void>;
  /** Kills the process, as after a loss of its device or when it hangs; the job in it fails with EngineCrashed and this reason. */
  restart(reason: string): void;
  /** Refuses what waits, lets the running job end for up to `graceMs` (default: 30 s), then ends the process. */
  stop(options?: { graceMs?: number }): Promise<void>;
}

/** Starts an engine process and keeps one running until `stop`. Throws a DataCloneError if the settings cannot be cloned. */
export function startEngine<Jobs extends JobKinds<Jobs>, Settings = unknown>(
  options: EngineOptions<Settings>,
): Engine<Jobs> {
  // A copy, made as the channel makes it: what cannot cross fails here, and a restart gets what the first start got.
  const settings: unknown = deserialize(serialize(options.settings));
  // Types end at the channel: that the entry serves these jobs is what its `serveEngine<Jobs>` promises.
  return new Supervisor({ ...options, settings }) as unknown as Engine<Jobs>;
}
