/** What an engine is started with, and what it tells about itself. */

/** All in milliseconds, except `maxStartFailures`. */
export interface EngineLimits {
  /** How long a cancelled call may go on before its process is killed: a load or a step is not interrupted. */
  cancelGraceMs: number;
  /** How long the process may give no sign of life, with or without a call. Then it is killed. */
  silentMs: number;
  /** The longest time that setup may take. */
  startTimeoutMs: number;
  /** How often the process is judged. */
  tickMs: number;
  /** Wait before a restart: doubled with each crash since the last answered call, up to the maximum. */
  restartDelayMs: number;
  maxRestartDelayMs: number;
  /** Starts in a row without getting ready after which the engine counts as failed: calls are refused at once. */
  maxStartFailures: number;
  /** How often a failed engine is tried again. */
  failedRetryMs: number;
}

export const DEFAULT_LIMITS: Readonly<EngineLimits> = {
  cancelGraceMs: 60_000,
  silentMs: 20_000,
  startTimeoutMs: 60_000,
  tickMs: 500,
  restartDelayMs: 100,
  maxRestartDelayMs: 10_000,
  maxStartFailures: 5,
  failedRetryMs: 30_000,
};

/** `reason` says why the last process ended, while there is no ready one, or what is wrong with this one. */
export interface EngineState {
  /** `unresponsive`: the process gives no sign of life, or does nothing of what it should; if that lasts, it is killed. */
  status: "starting" | "ready" | "busy" | "unresponsive" | "restarting" | "failed" | "stopped";
  reason?: string;
  /** How many processes have ended unasked. */
  restarts: number;
  pid?: number;
}

export interface EngineLog {
  level: "info" | "warn" | "error";
  message: string;
  pid?: number;
}

export interface EngineOptions<Settings = unknown> {
  /** A built module that calls `serveEngine`. */
  entry: URL;
  /** Given to its setup at each start; crosses by structured clone. */
  settings: Settings;
  /** Name of the engine in messages, such as "The diffusion engine crashed". */
  name: string;
  limits?: Partial<EngineLimits>;
  /** Gets what the process prints, line by line, the traces of errors, and starts and ends. */
  log: (entry: EngineLog) => void;
  /** Called after each change of state. */
  onState?: (state: EngineState) => void;
  /** Environment variables beside the few that are passed on, such as `{ MALLOC_ARENA_MAX: "2" }`. */
  env?: Record<string, string>;
  /** Options of the runtime, such as `["--max-old-space-size=512"]`. */
  execArgv?: string[];
}
