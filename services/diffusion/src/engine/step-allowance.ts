/** How long the engine may take until its next sign of progress: measured where steps came before, else by what it does. */
import { type Allowance, loadingAllowance } from "@armature/engine";
import type { EngineProgress } from "./calls.js";

/** All in milliseconds, but `factor`. */
export interface AllowanceLimits {
  /** In which a process that computes with its own threads may do next to nothing: neither compute, nor read, nor write. */
  idleMs: number;
  /** For loading a network at most: from a slow disk, with its preparation. */
  loadingMs: number;
  /** For what has no measure yet: a text, the first step with its compilation, decoding. */
  unmeasuredMs: number;
  /** For a step at least, however quick those before it were. */
  leastMs: number;
  /** For a step, in terms of the longest before it. */
  factor: number;
}

const SECOND = 1000;

const ALLOWANCES: AllowanceLimits = {
  idleMs: 60 * SECOND,
  loadingMs: 1800 * SECOND,
  unmeasuredMs: 600 * SECOND,
  leastMs: 30 * SECOND,
  factor: 10,
};

/** Half an hour: the first step of a large batch on few cores is slow, and a processor that hangs is idle. */
const CPU_UNMEASURED_MS = 1800 * SECOND;

/** The allowances of one job on a device: asked when it begins, and with each event. */
export function stepAllowances(
  device: string,
  limits: AllowanceLimits = device === "cpu" ? { ...ALLOWANCES, unmeasuredMs: CPU_UNMEASURED_MS } : ALLOWANCES,
): (event: EngineProgress | undefined, nowMs: number) => Allowance {
  const computes = device === "cpu" ? { idleMs: limits.idleMs } : {}; // while a GPU computes, the process waits
  let longestMs = 0;
  let lastStep: number | undefined;

  function measure(nowMs: number): void {
    if (lastStep !== undefined) longestMs = Math.max(longestMs, nowMs - lastStep);
    lastStep = nowMs;
  }

  return (event, nowMs) => {
    if (event?.stage === "denoising") {
      measure(nowMs);
      if (longestMs > 0 && event.step < event.steps) return { ...measured(longestMs, limits), ...computes };
      return { what: "a step", ms: limits.unmeasuredMs, ...computes };
    }
    // the first step after it is a measure of the whole ones that follow, unless it compiles
    lastStep = device === "cpu" ? nowMs : undefined;
    if (!event || event.stage === "loading" || event.stage === "residency") {
      // a GPU's job is tried once more as a whole
      const bytes = event?.stage === "loading" ? (event.bytes ?? 0) : 0;
      return { ...loadingAllowance(bytes, limits.loadingMs), repeatable: device === "cpu" };
    }
    return { what: "a stage", ms: limits.unmeasuredMs, ...computes };
  };
}

function measured(longestMs: number, { leastMs, factor }: AllowanceLimits): Allowance {
  const seconds = (longestMs / SECOND).toFixed(2);
  return { what: `a step (the longest before it: ${seconds} s)`, ms: Math.max(leastMs, factor * longestMs) };
}
