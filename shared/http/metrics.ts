/** Prometheus metrics: a registry for each app. Labels have few values: no path, id or word of a client is one. */

import type { ByteBudget, Inflight } from "@armature/core";
import type { JobObserver, QueueSnapshot } from "@armature/jobs";
import type { RequestHandler } from "express";
import type { Logger } from "pino";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { outcomeOf } from "./outcome.js";
import { routeOf } from "./routes.js";

export interface BuildInfo {
  service: string;
  version: string;
  commit?: string;
}

export interface ServiceMetrics {
  /** Where a service registers metrics of its own. */
  registry: Registry;
  /** Express middleware that measures requests. */
  measureRequests: RequestHandler;
  /** What `Jobs` report to; `stage` names their queue. The log hears why their store failed. */
  jobObserver(stage: string, log: Logger): JobObserver;
  /** Shows the queue's present state whenever metrics are read. */
  watchQueue(stage: string, snapshot: () => Promise<QueueSnapshot>): void;
  /** Shows what requests hold whenever metrics are read. */
  watchInflight(inflight: Inflight): void;
}

/** From a quick list to minutes of denoising on a CPU. */
const SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];

const QUEUE_GAUGES: [name: string, help: string, value: (queue: QueueSnapshot) => number][] = [
  ["job_queue_depth", "Jobs that wait", (queue) => queue.waiting],
  ["job_queue_cost", "Estimated work that waits, in the queue's own unit", (queue) => queue.waitingCost],
  ["jobs_running", "Jobs that run", (queue) => queue.running],
  ["job_queue_estimated_wait_seconds", "What a job that came now would wait", (queue) => queue.estimatedWaitS],
];

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
    measureRequests: measureRequests(registry),
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

function measureRequests(registry: Registry): RequestHandler {
  const duration = new Histogram({
    name: "http_request_duration_seconds",
    help: "From the request's headers to the end of the answer; the status is that of what came of it, also where events told it",
    labelNames: ["route", "method", "status"],
    buckets: SECONDS,
    registers: [registry],
  });
  const problems = new Counter({
    name: "http_problems_total",
    help: "Requests that failed or were refused, by the code of their problem",
    labelNames: ["route", "code"],
    registers: [registry],
  });
  return (req, res, next) => {
    const stop = duration.startTimer();
    res.once("close", () => {
      const { status, problem } = outcomeOf(res);
      stop({ route: routeOf(req), method: req.method, status });
      if (problem) problems.inc({ route: routeOf(req), code: problem.body.code });
    });
    next();
  };
}

function jobMetrics(registry: Registry): Pick<ServiceMetrics, "jobObserver" | "watchQueue"> {
  const registers = [registry];
  const queues = new Map<string, () => Promise<QueueSnapshot>>();
  for (const [name, help, value] of QUEUE_GAUGES) {
    new Gauge({
      name,
      help,
      labelNames: ["stage"],
      registers,
      async collect() {
        for (const [stage, snapshot] of queues) this.set({ stage }, value(await snapshot()));
      },
    });
  }
  const wait = new Histogram({
    name: "job_queue_wait_seconds",
    help: "From a job's arrival to its start",
    labelNames: ["stage"],
    buckets: SECONDS,
    registers,
  });
  const duration = new Histogram({
    name: "job_duration_seconds",
    help: "From a job's start to its end",
    labelNames: ["stage", "outcome"],
    buckets: SECONDS,
    registers,
  });
  const jobs = new Counter({
    name: "jobs_total",
    help: "Jobs that ended",
    labelNames: ["stage", "outcome"],
    registers,
  });
  const refused = new Counter({
    name: "jobs_refused_total",
    help: "Jobs that were not started",
    labelNames: ["stage", "code"],
    registers,
  });
  const storeFailures = new Counter({
    name: "job_store_failures_total",
    help: "Times that the queue, the store or the files of jobs could not be read or written",
    labelNames: ["stage"],
    registers,
  });
  return {
    jobObserver: (stage, log) => ({
      started: (waitedS) => wait.observe({ stage }, waitedS),
      finished: (outcome, durationS) => {
        duration.observe({ stage, outcome }, durationS);
        jobs.inc({ stage, outcome });
      },
      refused: (code) => refused.inc({ stage, code }),
      storeFailed(error) {
        storeFailures.inc({ stage });
        log.error({ stage, err: error }, "what is kept of jobs could not be read or written");
      },
    }),
    watchQueue: (stage, snapshot) => queues.set(stage, snapshot),
  };
}
