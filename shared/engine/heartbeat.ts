/** What an engine process tells of itself beside its calls, over a pipe of its own: one line a beat. */
import { Worker } from "node:worker_threads";

/** After standard input, output, errors and the channel of `fork`. */
export const HEARTBEAT_FD = 4;

/** How much the process has worked since it began. */
export interface VitalSign {
  /** Processor time of all threads of the process, in milliseconds. */
  cpuMs: number;
  /** Milliseconds in which the main thread could have computed, and others had the processors. */
  waitedMs: number;
  /** Pages that were read and written: by calls, and of files that are mapped. */
  transfers: number;
}

export function heartbeatLine({ cpuMs, waitedMs, transfers }: VitalSign): string {
  return `${Math.round(cpuMs)} ${Math.round(waitedMs)} ${transfers}\n`;
}

/** The sign in a line; undefined where the line is none. */
export function readHeartbeat(line: string): VitalSign | undefined {
  const [cpuMs = Number.NaN, waitedMs = Number.NaN, transfers = Number.NaN] = line.split(" ").map(Number);
  return [cpuMs, waitedMs, transfers].every(Number.isFinite) ? { cpuMs, waitedMs, transfers } : undefined;
}

export interface Heartbeat {
  /** Says whether a call, or setup, holds the main thread; at first it does. Without one the main thread must answer. */
  setBusy(busy: boolean): void;
}

/** Small: the thread allocates a few strings a second. Megabytes. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 };

/** Starts the thread that beats for as long as this process runs. */
export function startHeartbeat(): Heartbeat {
  const busy = new Int32Array(new SharedArrayBuffer(4)).fill(1);
  const thread = new Worker(new URL("./heartbeat-thread.js", import.meta.url), {
    workerData: busy,
    resourceLimits: THREAD_LIMITS,
    execArgv: [],
  });
  thread.on("message", () => thread.postMessage(null));
  thread.unref();
  return { setBusy: (value) => void Atomics.store(busy, 0, value ? 1 : 0) };
}
