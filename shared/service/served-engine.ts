/** What a service's HTTP tells of its engine: whether it can work, what it holds, how often it ended. */

import type { EngineState } from "@armature/engine";
import type { Obstacle, ServiceMetrics } from "@armature/http";
import type { ResidentStatus } from "@armature/runtime";
import { Gauge } from "prom-client";

export interface ServedEngine {
  loaded(): readonly ResidentStatus[];
  state(): EngineState;
}

/** Why the engine cannot take work now, for `/readyz`; undefined if it can. */
export function engineObstacle(engine: ServedEngine): Obstacle | undefined {
  const { status, reason } = engine.state();
  if (status === "ready" || status === "busy") return undefined;
  return { reason: `The engine is ${status}${reason ? `: ${reason}` : ""}`, retryAfterS: 5 };
}

/** Labels are models that the service offers, so their number is bounded. */
export function engineMetrics({ registry }: ServiceMetrics, engine: ServedEngine): void {
  const registers = [registry];
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
}
