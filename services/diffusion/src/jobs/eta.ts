import type { GenerateEvent } from "../contract/events.js";

type Progress = Extract<GenerateEvent, { event: "progress" }>["data"];

/** Steps done and to come, and the time until the last, judged by the steps since this was called. */
export function etaEstimator(): (step: number, steps: number) => Progress {
  const start = performance.now();
  return (step, steps) => ({
    step,
    steps,
    percent: Math.round((1000 * step) / steps) / 10,
    eta_ms: Math.round(((performance.now() - start) / step) * (steps - step)),
  });
}
