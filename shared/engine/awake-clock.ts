/** Time that this process has lived through. While the machine sleeps or the process is stopped, it stands still. */
export class AwakeClock {
  readonly #tickMs: number;
  readonly #timer: NodeJS.Timeout;
  #passedMs = 0;
  #lastTick = performance.now();

  /** Calls `onTick` about every `tickMs`, with the milliseconds that count since the last time. */
  constructor(tickMs: number, onTick: (passedMs: number) => void) {
    this.#tickMs = tickMs;
    this.#timer = setInterval(() => onTick(this.#tick()), tickMs).unref();
  }

  /** Milliseconds since the clock was made. */
  now(): number {
    return this.#passedMs + this.#sinceTick();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): number {
    const passed = this.#sinceTick();
    this.#passedMs += passed;
    this.#lastTick = performance.now();
    return passed;
  }

  /** A tick that comes much later than it should tells of a pause: of that, no more than a second tick counts. */
  #sinceTick(): number {
    return Math.min(performance.now() - this.#lastTick, 2 * this.#tickMs);
  }
}
