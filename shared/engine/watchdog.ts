/** Judges whether an engine process hangs, from its heartbeat, its work, and what it is waited for. Counts only: time is told. */
import type { VitalSign } from "./heartbeat.js";

/** How long something may take until its next sign of progress. */
export interface Allowance {
  /** What it is, for messages, as in "loading took more than 60 s". */
  what: string;
  /** Milliseconds in all. */
  ms: number;
  /** Milliseconds in which the process may do nothing at all; undefined: as many as it likes, for a device may compute. */
  idleMs?: number | undefined;
  /** Whether a call whose process ends meanwhile is tried once more, as one that had not begun. */
  repeatable?: boolean;
}

/** What the process is waited for, each with an allowance of its own. */
export type Wait = "start" | "call" | "cancellation";

/** A process that does nothing works less than this in a minute: its heartbeat takes about 1 ms per second. */
const LEAST_CPU_MS = 300;

export class Watchdog {
  readonly #silentMs: number;
  readonly #waits = new Map<Wait, Allowance & { passedMs: number }>();
  /** Undefined before the first beat: starting is bounded by its allowance. */
  #silenceMs: number | undefined;
  #idleMs = 0;
  #worked: VitalSign = { cpuMs: 0, transfers: 0 };

  /** `silentMs`: how long the heartbeat of a process may stay away. */
  constructor(silentMs: number) {
    this.#silentMs = silentMs;
  }

  beat(sign: VitalSign): void {
    this.#silenceMs = 0;
    const { cpuMs, transfers } = this.#worked;
    if (sign.cpuMs - cpuMs < LEAST_CPU_MS && sign.transfers === transfers) return;
    this.#worked = sign;
    this.#idleMs = 0;
  }

  /** Allows the process a time for what it is waited for, from now on. */
  expect(wait: Wait, allowance: Allowance): void {
    this.#waits.set(wait, { ...allowance, passedMs: 0 });
    this.#idleMs = 0;
  }

  /** Ends waits: what the process was waited for has come, or is not wanted any more. */
  done(...waits: Wait[]): void {
    for (const wait of waits) this.#waits.delete(wait);
  }

  /** Why the process may hang: the heartbeat has been away, or nothing been done, for half as long as it may. */
  suspicion(): string | undefined {
    if (this.#silenceMs !== undefined && this.#silenceMs >= this.#silentMs / 2)
      return "its process gives no sign of life";
    const idle = [...this.#waits.values()].find(({ idleMs = Number.POSITIVE_INFINITY }) => this.#idleMs >= idleMs / 2);
    return idle && `${idle.what} neither computes, reads nor writes anything`;
  }

  /** Notes that time has passed; gives the reason why the process hangs, if it does. */
  pass(ms: number): string | undefined {
    this.#idleMs += ms;
    if (this.#silenceMs !== undefined) this.#silenceMs += ms;
    for (const wait of this.#waits.values()) wait.passedMs += ms;
    if (this.#silenceMs !== undefined && this.#silenceMs >= this.#silentMs) {
      return `its process gave no sign of life for ${this.#silentMs / 1000} s`;
    }
    return [...this.#waits.values()].map((wait) => this.#overdue(wait)).find((reason) => reason !== undefined);
  }

  #overdue({ what, ms, idleMs, passedMs }: Allowance & { passedMs: number }): string | undefined {
    if (passedMs >= ms) return `${what} took more than ${seconds(ms)} s`;
    if (idleMs === undefined || this.#idleMs < idleMs) return undefined;
    return `${what} neither computed, read nor wrote anything for ${seconds(idleMs)} s`;
  }
}

const seconds = (ms: number) => Number((ms / 1000).toFixed(1));
