/** Builds k6's options: who comes when, and what every scenario promises. */
import { LONGEST_S, QUEUE_LIMIT } from "./target.js";

const HEALTH_PROBES_PER_S = 5;

/** Holds under any load. Faults are counted, so that a kind of answer that a scenario never gets breaks no promise. */
const PROMISES = {
  wrong_answers: ["count==0"],
  undeclared_answers: ["count==0"],
  missing_retry_after: ["count==0"],
  gave_up: ["count==0"],
  aftermath_faults: ["count==0"],
  health_faults: ["count==0"],
  health_duration: ["p(99)<100"],
};

/** Options for `scenarios` that last `forS` seconds in all, with health probed all the while; `thresholds` are their own claims. */
export function loadOptions({ scenarios, forS, thresholds }) {
  const health = arrivals({ exec: "probeHealth", perS: HEALTH_PROBES_PER_S, forS, clients: 4 });
  return {
    scenarios: { ...scenarios, health },
    thresholds: { ...PROMISES, ...thresholds },
    setupTimeout: "120s",
    teardownTimeout: "120s",
    batch: 2 * QUEUE_LIMIT,
    batchPerHost: 2 * QUEUE_LIMIT,
    summaryTrendStats: ["min", "med", "p(95)", "p(99)", "max"],
  };
}

/** Requests at a fixed rate, answered or not. `clients` bounds the requests under way; `phase` tags their metrics. */
export function arrivals({ exec, perS, forS, atS = 0, clients = 2 * QUEUE_LIMIT, phase = "load" }) {
  return {
    executor: "constant-arrival-rate",
    exec,
    rate: Math.max(1, Math.round(60 * perS)),
    timeUnit: "1m",
    duration: `${forS}s`,
    startTime: `${atS}s`,
    preAllocatedVUs: clients,
    maxVUs: clients,
    gracefulStop: grace(),
    tags: { phase },
  };
}

/** Clients that each begin again when they are done; their number goes from one, or `from`, through `stages`: [seconds, clients]. */
export function loopingClients({ exec, stages, from = 1 }) {
  return {
    executor: "ramping-vus",
    exec,
    startVUs: from,
    stages: stages.map(([seconds, target]) => ({ duration: `${seconds}s`, target })),
    gracefulStop: grace(),
    gracefulRampDown: grace(),
  };
}

/** One client that does one thing once. */
export function oneClient(exec, { atS = 0 } = {}) {
  return { executor: "shared-iterations", exec, vus: 1, iterations: 1, startTime: `${atS}s`, maxDuration: "10m" };
}

/** What has been accepted is waited for, not cut off. */
const grace = () => `${LONGEST_S}s`;
