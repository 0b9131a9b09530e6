import type { ServiceMetrics } from "@armature/http";
import { engineMetrics, type ServedEngine } from "@armature/service";
import { Histogram } from "prom-client";

/** The preprocessor's own metrics; gives the listener for finished inferences. Labels are processors and models that are served. */
export function preprocessorMetrics(
  metrics: ServiceMetrics,
  engine: ServedEngine,
): (processor: string, inferenceMs: number) => void {
  engineMetrics(metrics, engine);
  const inference = new Histogram({
    name: "preprocessor_inference_duration_seconds",
    help: "A processor's work on one picture, without decoding and encoding",
    labelNames: ["processor"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [metrics.registry],
  });
  return (processor, inferenceMs) => inference.observe({ processor }, inferenceMs / 1000);
}
