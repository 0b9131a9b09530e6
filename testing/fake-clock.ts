/** A clock that stands still until a test advances it. */
import type { Clock } from "@armature/core";

export class FakeClock implements Clock {
  #nowMs = 0;
  #timers = new Set<{ atMs: number; callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Fires what falls due, in order; before that and after each lets the promises that are settled go on. */
  async advance(ms: number): Promise<void> {
    await settled();
    const untilMs = this.#nowMs + ms;
    for (let due = this.#next(untilMs); due; due = this.#next(untilMs)) {
      this.#timers.delete(due);
      this.#nowMs = due.atMs;
      due.callback();
      await settled();
    }
    this.#nowMs = untilMs;
    await settled();
  }

  #next(untilMs: number) {
    const due = [...this.#timers].filter((timer) => timer.atMs <= untilMs);
    return due.sort((a, b) => a.atMs - b.atMs)[0];
  }
}

/** Lets every promise that is ready go on. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
