/** Resident memory of what serves requests in one service: its HTTP process and its decoders, not the engine, which has a budget of its own. */
import { childProcesses, DECODER } from "../child-processes.js";
import { residentBytes } from "../service-engine.js";

const SAMPLE_EVERY_MS = 100;

export interface ServingMemory {
  /** Median before `mark`. */
  idleBytes: number;
  /** Greatest since then. */
  peakBytes: number;
}

/** Watches the service with this process id until `stop`; from `mark` on what is seen counts as under attack. */
export function watchServingMemory(pid: number) {
  const quiet: number[] = [];
  const attacked: number[] = [];
  let series = quiet;
  const timer = setInterval(() => series.push(servingBytes(pid)), SAMPLE_EVERY_MS);
  return {
    mark: () => {
      series = attacked;
    },
    stop: (): ServingMemory => {
      clearInterval(timer);
      const median = quiet.toSorted((a, b) => a - b)[Math.floor(quiet.length / 2)];
      return { idleBytes: median ?? 0, peakBytes: Math.max(0, ...attacked) };
    },
  };
}

/** Resident bytes of the service's processes but the engine. */
function servingBytes(pid: number): number {
  const decoders = childProcesses(pid, DECODER);
  return [pid, ...decoders].reduce((sum, one) => sum + residentBytes(one), 0);
}
