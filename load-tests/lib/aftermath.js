/** How the services are once the load has ended: idle, ready, with the engines they began with. */
import { sleep } from "k6";
import http from "k6/http";
import { Counter } from "k6/metrics";
import { gauge, isIdle, metricsOf } from "./metrics.js";
import { DIFFUSION, FULL_QUEUE_S, PREPROCESSOR } from "./target.js";

const faults = new Counter("aftermath_faults");

/** k6's teardown: counts everything that is not as it was before. */
export const teardown = endsReady({ restarts: 0 });

/** A teardown that finds each service idle and ready, its engine restarted as often as the scenario ended it. */
export function endsReady({ restarts }) {
  return () => {
    for (const url of [DIFFUSION, PREPROCESSOR]) {
      if (!becomesIdle(url)) fault(`${url}: work is left though every client has gone`);
      const found = gauge(metricsOf(url), "engine_restarts_total");
      if (found !== restarts) fault(`${url}: the engine was restarted ${found} times, not ${restarts}`);
      const { status } = http.get(`${url}/readyz`);
      if (status !== 200) fault(`${url}/readyz: ${status}`);
    }
  };
}

function becomesIdle(url) {
  for (let waitedS = 0; waitedS <= FULL_QUEUE_S; waitedS++) {
    if (isIdle(url)) return true;
    sleep(1);
  }
  return false;
}

function fault(message) {
  faults.add(1);
  console.error(message);
}
