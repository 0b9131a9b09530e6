/** When to restart an engine process that has ended, and when to call the engine failed. Counts only; no clock, no process. */

import type { EngineLimits } from "./engine-options.js";

export class RestartBackoff {
  readonly #limits: EngineLimits;
  /** Ends in a row without a ready process between. */
  #startFailures = 0;
  #endsSinceAnswer = 0;
  #restarts = 0;

  constructor(limits: EngineLimits) {
    this.#limits = limits;
  }

  /** How many processes have ended unasked. */
  get restarts(): number {
    return this.#restarts;
  }

  get failed(): boolean {
    return this.#startFailures >= this.#limits.maxStartFailures;
  }

  /** The process is ready: it starts after all. */
  ready(): void {
    this.#startFailures = 0;
  }

  /** The process has answered a call, be it with an error: it works. */
  answered(): void {
    this.#endsSinceAnswer = 0;
  }

  /** The process has ended; `wasReady` says if it got that far. */
  ended(wasReady: boolean): void {
    this.#restarts += 1;
    this.#endsSinceAnswer += 1;
    if (!wasReady) this.#startFailures += 1;
  }

  /** How long to wait before the next start, in milliseconds. */
  delayMs(): number {
    const { restartDelayMs, maxRestartDelayMs, failedRetryMs } = this.#limits;
    if (this.failed) return failedRetryMs;
    return Math.min(restartDelayMs * 2 ** (this.#endsSinceAnswer - 1), maxRestartDelayMs);
  }
}
