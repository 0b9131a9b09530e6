/** One thing that an engine process is waited for: how long it takes, and how much the process works meanwhile. Counts only: time is told. */
import type { VitalSign } from "./heartbeat.js";

/** How long something may take until its next sign of progress. */
export interface Allowance {
  /** What it is, for messages, as in "loading took more than 60 s". */
  what: string;
  /** Milliseconds in all. */
  ms: number;
  /** Milliseconds in which the process may do next to nothing; undefined: as many as it likes, for a device may compute. */
  idleMs?: number | undefined;
  /** Processor time, in milliseconds within `idleMs`, with which it does something; default: more than its heartbeat takes. */
  leastCpuMs?: number | undefined;
  /** Processor time of all its threads, in milliseconds in all; undefined: any. */
  mostCpuMs?: number | undefined;
  /** Whether a call whose process ends meanwhile is tried once more, as one that had not begun. */
  repeatable?: boolean;
}

/** The heartbeat of a process takes 1 to 2 ms per second. */
const LEAST_CPU_MS = 300;
/** A disk, however slow, gives more pages a second than this. */
const LEAST_TRANSFERS_PER_S = 0.5;

/** Loading that makes no progress hangs after this time, unless it computes with half a processor, reads or writes. */
const LOADING_IDLE_MS = 60_000;
/** A full-size UNet takes less than a minute of processor time to prepare: 3.4 GB in float32, and 0.9 GB in int8, which is made of the same weights. */
const LOADING_CPU_MS_PER_GB = 180_000;

/** What loading may take until its next sign of progress; `bytes`: of the network that is loaded now. `ms`: from the slowest disk. */
export function loadingAllowance(bytes: number, ms: number): Allowance {
  return {
    what: "loading",
    ms,
    idleMs: LOADING_IDLE_MS,
    leastCpuMs: LOADING_IDLE_MS / 2,
    mostCpuMs: LOADING_IDLE_MS + (bytes / 1e9) * LOADING_CPU_MS_PER_GB,
  };
}

export class Awaited {
  #passedMs = 0;
  /** Since the process had last worked enough. */
  #idleMs = 0;
  #sign: VitalSign;
  readonly #begun: VitalSign;
  #worked: VitalSign;

  /** `sign`: how much the process has worked by now. */
  constructor(
    readonly allowance: Allowance,
    sign: VitalSign,
  ) {
    this.#sign = sign;
    this.#begun = sign;
    this.#worked = sign;
  }

  beat(sign: VitalSign): void {
    this.#sign = sign;
    if (this.#didLittle(this.allowance.idleMs ?? 0)) return;
    this.#worked = sign;
    this.#idleMs = 0;
  }

  pass(ms: number): void {
    this.#passedMs += ms;
    this.#idleMs += ms;
  }

  /** Whether the process has done next to nothing for half as long as it may. */
  isIdle(): boolean {
    const { idleMs } = this.allowance;
    return idleMs !== undefined && this.#idleMs >= idleMs / 2 && this.#didLittle(this.#idleMs);
  }

  /** Why it hangs, if so. */
  overdue(): string | undefined {
    const { what, ms, idleMs, mostCpuMs = Number.POSITIVE_INFINITY } = this.allowance;
    if (this.#passedMs >= ms) return `${what} took more than ${seconds(ms)} s`;
    if (this.#sign.cpuMs - this.#begun.cpuMs >= mostCpuMs) {
      return `${what} took more than ${seconds(mostCpuMs)} s of processor time`;
    }
    if (idleMs === undefined || this.#idleMs < idleMs) return undefined;
    return `${what} computed, read and wrote next to nothing for ${seconds(idleMs)} s`;
  }

  /** Whether the process has worked less than the allowance asks of it in `ms` milliseconds. To wait for a processor counts as work. */
  #didLittle(ms: number): boolean {
    const { idleMs = ms, leastCpuMs = LEAST_CPU_MS } = this.allowance;
    const [now, before] = [this.#sign, this.#worked];
    const wantedMs = now.cpuMs - before.cpuMs + now.waitedMs - before.waitedMs;
    if (wantedMs * idleMs >= leastCpuMs * ms) return false;
    return now.transfers - before.transfers < (LEAST_TRANSFERS_PER_S * ms) / 1000;
  }
}

const seconds = (ms: number) => Number((ms / 1000).toFixed(1));
