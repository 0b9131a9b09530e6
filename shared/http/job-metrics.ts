/** Metrics of jobs: the queue's state whenever metrics are read, waits and durations as they happen. */
import type { JobObserver, QueueSnapshot } from "@armature/jobs";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";
import { durationHistogram } from "./duration-histogram.js";

export interface JobMetrics {
  /** What `Jobs` report to; `stage` names their queue. The log hears why their store failed. */
  jobObserver(stage: string, log: Logger): JobObserver;
  /** Shows the queue's present state whenever metrics are read. */
  watchQueue(stage: string, snapshot: () => Promise<QueueSnapshot>): void;
}

export function jobMetrics(registry: Registry): JobMetrics {
  return { jobObserver: jobObservers(registry), watchQueue: queueGauges(registry) };
}

const QUEUE_GAUGES: [name: string, help: string, value: (queue: QueueSnapshot) => number][] = [
  ["job_queue_depth", "Jobs that wait", (queue) => queue.waiting],
  ["job_queue_cost", "Estimated work that waits, in the queue's own unit", (queue) => queue.waitingCost],
  ["jobs_running", "Jobs that run", (queue) => queue.running],
  ["job_queue_estimated_wait_seconds", "What a job that came now would wait", (queue) => queue.estimatedWaitS],
];

function queueGauges(registry: Registry): JobMetrics["watchQueue"] {
  const queues = new Map<string, () => Promise<QueueSnapshot>>();
  for (const [name, help, value] of QUEUE_GAUGES) {
    new Gauge({
      ...{ name, help, labelNames: ["stage"], registers: [registry] },
      async collect() {
        for (const [stage, snapshot] of queues) this.set({ stage }, value(await snapshot()));
      },
    });
  }
  return (stage, snapshot) => queues.set(stage, snapshot);
}

function jobObservers(registry: Registry): JobMetrics["jobObserver"] {
  const { wait, duration, ended, refused, storeFailures } = jobInstruments(registry);
  return (stage, log) => ({
    started: (waitedS) => wait.observe({ stage }, waitedS),
    finished: (outcome, durationS) => {
      duration.observe({ stage, outcome }, durationS);
      ended.inc({ stage, outcome });
    },
    refused: (code) => refused.inc({ stage, code }),
    storeFailed(error) {
      storeFailures.inc({ stage });
      log.error({ stage, err: error }, "what is kept of jobs could not be read or written");
    },
  });
}

function jobInstruments(registry: Registry) {
  const duration = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    durationHistogram(registry, { name, help, labelNames: ["stage", ...labelNames] });
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames: ["stage", ...labelNames], registers: [registry] });
  return {
    wait: duration("job_queue_wait_seconds", "From a job's arrival to its start"),
    duration: duration("job_duration_seconds", "From a job's start to its end", "outcome"),
    ended: counter("jobs_total", "Jobs that ended", "outcome"),
    refused: counter("jobs_refused_total", "Jobs that were not started", "code"),
    storeFailures: counter(
      "job_store_failures_total",
      "Times that the queue, the store or the files of jobs could not be read or written",
    ),
  };
}
