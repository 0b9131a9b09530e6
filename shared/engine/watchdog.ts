/** Judges whether an engine process hangs, from its heartbeat, its work, and what it is waited for. Counts only: time is told. */
import { type Allowance, Awaited } from "./awaited.js";
import type { VitalSign } from "./heartbeat.js";

/** What the process is waited for, each with an allowance of its own. */
export type Wait = "start" | "call" | "cancellation";

export class Watchdog {
  readonly #silentMs: number;
  readonly #waits = new Map<Wait, Awaited>();
  /** Undefined before the first beat: starting is bounded by its allowance. */
  #silenceMs: number | undefined;
  #sign: VitalSign = { cpuMs: 0, waitedMs: 0, transfers: 0 };

  /** `silentMs`: how long the heartbeat of a process may stay away. */
  constructor(silentMs: number) {
    this.#silentMs = silentMs;
  }

  beat(sign: VitalSign): void {
    this.#silenceMs = 0;
    this.#sign = sign;
    for (const wait of this.#waits.values()) wait.beat(sign);
  }

  /** Allows the process a time for what it is waited for, from now on. */
  expect(wait: Wait, allowance: Allowance): void {
    this.#waits.set(wait, new Awaited(allowance, this.#sign));
  }

  /** Ends waits: what the process was waited for has come, or is not wanted any more. */
  done(...waits: Wait[]): void {
    for (const wait of waits) this.#waits.delete(wait);
  }

  /** Why the process may hang: the heartbeat has been away, or next to nothing been done, for half as long as it may. */
  suspicion(): string | undefined {
    if (this.#silenceMs !== undefined && this.#silenceMs >= this.#silentMs / 2)
      return "its process gives no sign of life";
    const idle = [...this.#waits.values()].find((wait) => wait.isIdle());
    return idle && `${idle.allowance.what} computes, reads and writes next to nothing`;
  }

  /** Notes that time has passed; gives the reason why the process hangs, if it does. */
  pass(ms: number): string | undefined {
    if (this.#silenceMs !== undefined) this.#silenceMs += ms;
    for (const wait of this.#waits.values()) wait.pass(ms);
    if (this.#silenceMs !== undefined && this.#silenceMs >= this.#silentMs) {
      return `its process gave no sign of life for ${this.#silentMs / 1000} s`;
    }
    return [...this.#waits.values()].map((wait) => wait.overdue()).find((reason) => reason !== undefined);
  }
}
