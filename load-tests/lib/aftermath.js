/** How the services are once the load has ended: idle, ready, with the engines they began with. */
import { sleep } from "k6";
import http from "k6/http";
import { Counter } from "k6/metrics";
import { DIFFUSION, FULL_QUEUE_S, PREPROCESSOR } from "./target.js";

const faults = new Counter("aftermath_faults");

/** k6's teardown: counts everything that is not as it was before. */
export function teardown() {
  for (const url of [DIFFUSION, PREPROCESSOR]) {
    if (!becomesIdle(url)) fault(`${url}: work is left though every client has gone`);
    const restarts = gauge(metricsOf(url), "engine_restarts_total");
    if (restarts > 0) fault(`${url}: the engine ended unasked ${restarts} times`);
    const { status } = http.get(`${url}/readyz`);
    if (status !== 200) fault(`${url}/readyz: ${status}`);
  }
}

function becomesIdle(url) {
  for (let waitedS = 0; waitedS <= FULL_QUEUE_S; waitedS++) {
    const metrics = metricsOf(url);
    if (gauge(metrics, "jobs_running") === 0 && gauge(metrics, "job_queue_depth") === 0) return true;
    sleep(1);
  }
  return false;
}

const metricsOf = (url) => http.get(`${url}/metrics`, { tags: { name: "/metrics" } }).body;

/** Sum of a metric over its labels, in Prometheus' text format; 0 if it is absent. */
function gauge(text, name) {
  const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").pop()), 0);
}

function fault(message) {
  faults.add(1);
  console.error(message);
}
