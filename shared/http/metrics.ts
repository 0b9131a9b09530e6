/** Prometheus metrics: a registry for each app. Labels have few values: no path, id or word of a client is one. */

import type { ByteBudget, Inflight } from "@armature/core";
import type { RequestHandler } from "express";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { type JobMetrics, jobMetrics } from "./job-metrics.js";
import { requestMetrics } from "./request-metrics.js";

interface BuildInfo {
  service: string;
  version: string;
  commit?: string;
}

export interface ServiceMetrics extends JobMetrics {
  /** Where a service registers metrics of its own. */
  registry: Registry;
  /** Express middleware that measures requests. */
  measureRequests: RequestHandler;
  /** Shows what requests hold whenever metrics are read. */
  watchInflight(inflight: Inflight): void;
}

/** Metrics of one service, with those of the process, of Node and of its event loop. */
export function createMetrics({ service, version, commit = "unknown" }: BuildInfo): ServiceMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "build_info",
    help: "Always 1; the labels say what runs",
    labelNames: ["service", "version", "commit"],
    registers: [registry],
  }).set({ service, version, commit }, 1);
  return {
    registry,
    measureRequests: requestMetrics(registry),
    watchInflight: (inflight) => watchInflight(registry, inflight),
    ...jobMetrics(registry),
  };
}

function watchInflight(registry: Registry, inflight: Inflight): void {
  const gauge = (name: string, help: string, value: (budget: ByteBudget) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["part"],
      registers: [registry],
      collect() {
        for (const [part, budget] of Object.entries(inflight)) this.set({ part }, value(budget));
      },
    });
  gauge("inflight_bytes", "Bytes that requests hold, by the part of the budget", (budget) => budget.heldBytes);
  gauge(
    "inflight_limit_bytes",
    "Bytes that requests may hold, by the part of the budget",
    (budget) => budget.limitBytes,
  );
}
