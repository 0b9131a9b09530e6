/** Notices a step that hangs, by how long the steps before it took: a driver that stops answering raises no error. */
import type { EngineProgress } from "./jobs.js";

interface StepWatchdogOptions {
  /** Called once, with what was seen. */
  onHang: (reason: string) => void;
  /** For what has no measure yet: loading, the first step with its compilation, decoding. */
  unmeasuredMs?: number;
  /** A step is never called hung before this. */
  leastMs?: number;
  /** So many times the longest step so far. */
  factor?: number;
}

interface StepWatchdog {
  note(event: EngineProgress): void;
  stop(): void;
}

const SECOND = 1000;

/** Watches one job, from its start to `stop`. */
export function watchSteps(options: StepWatchdogOptions): StepWatchdog {
  const { onHang, unmeasuredMs = 600 * SECOND, leastMs = 30 * SECOND, factor = 10 } = options;
  let longestMs = 0;
  let lastStep: number | undefined;
  let timer: NodeJS.Timeout | undefined;

  function allow(ms: number, what: string): void {
    clearTimeout(timer);
    timer = setTimeout(() => onHang(`${what} for ${(ms / SECOND).toFixed(1)} s`), ms);
  }

  allow(unmeasuredMs, "no sign of progress");
  return {
    note(event) {
      if (event.stage !== "denoising") {
        lastStep = undefined; // the first step after it compiles: no measure of those that follow
        return allow(unmeasuredMs, "no sign of progress");
      }
      const now = performance.now();
      if (lastStep !== undefined) longestMs = Math.max(longestMs, now - lastStep);
      lastStep = now;
      if (longestMs === 0 || event.step === event.steps) return allow(unmeasuredMs, "no sign of progress");
      const seconds = (longestMs / SECOND).toFixed(2);
      allow(Math.max(leastMs, factor * longestMs), `no step (the longest so far took ${seconds} s)`);
    },
    stop: () => clearTimeout(timer),
  };
}
