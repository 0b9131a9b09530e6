import type { ServiceMetrics } from "@armature/http";
import { engineMetrics, type ServedEngine } from "@armature/service";
import { Counter, Gauge, Histogram } from "prom-client";
import type { CacheObserver } from "../control-images/control-cache.js";
import type { EngineProgress } from "../engine/calls.js";

export interface DiffusionMetrics {
  controlCache: CacheObserver;
  /** To be called once a job; gives the listener for its progress. */
  watchJob(model: string): (event: EngineProgress) => void;
}

/** The diffusion service's own metrics. Labels are served models, so their number is bounded. */
export function diffusionMetrics(
  metrics: ServiceMetrics,
  engine: ServedEngine & { deviceTensors(): number },
): DiffusionMetrics {
  engineMetrics(metrics, engine);
  const registers = [metrics.registry];
  new Gauge({
    name: "device_tensors",
    help: "Results of ended jobs that lie in the device's memory; above 0 there is a leak",
    registers,
    collect() {
      this.set(engine.deviceTensors());
    },
  });
  const steps = new Histogram({
    name: "diffusion_step_duration_seconds",
    help: "One evaluation of the network, ControlNets included",
    labelNames: ["model"],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40],
    registers,
  });
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  const hits = counter("control_cache_hits_total", "Control images that were remembered or being made");
  const misses = counter("control_cache_misses_total", "Control images that had to be made");
  return {
    controlCache: { hit: () => hits.inc(), miss: () => misses.inc() },
    watchJob(model) {
      let last = performance.now();
      return (event) => {
        const now = performance.now();
        if (event.stage === "denoising") steps.observe({ model }, (now - last) / 1000);
        last = now;
      };
    },
  };
}
