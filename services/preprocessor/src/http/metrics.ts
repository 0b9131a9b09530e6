import type { ServiceMetrics } from "@armature/shared/http/metrics";
import { Gauge, Histogram } from "prom-client";
import type { PreprocessorEngine } from "../engine/preprocessor-engine.js";

/** The preprocessor's own metrics; gives the listener for finished inferences. Labels are processors and models that are served. */
export function preprocessorMetrics(
  { registry }: ServiceMetrics,
  engine: PreprocessorEngine,
): (processor: string, inferenceMs: number) => void {
  const registers = [registry];
  const inference = new Histogram({
    name: "preprocessor_inference_duration_seconds",
    help: "A processor's work on one picture, without decoding and encoding",
    labelNames: ["processor"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  new Gauge({
    name: "model_resident_bytes",
    help: "Weights in memory",
    labelNames: ["model"],
    registers,
    collect() {
      this.reset();
      for (const { key, bytes } of engine.loaded()) this.set({ model: key }, bytes);
    },
  });
  new Gauge({
    name: "engine_restarts_total",
    help: "Engine processes that ended unasked",
    registers,
    collect() {
      this.set(engine.state().restarts);
    },
  });
  return (processor, inferenceMs) => inference.observe({ processor }, inferenceMs / 1000);
}
