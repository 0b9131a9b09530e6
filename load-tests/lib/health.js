/** Whether both services say that they are up, and how soon: no load may keep an orchestrator from hearing it. */
import http from "k6/http";
import { Counter, Trend } from "k6/metrics";
import { DIFFUSION, PREPROCESSOR } from "./target.js";

const healthDuration = new Trend("health_duration", true);
const faults = new Counter("health_faults");

/** One probe of each service. */
export function probeHealth() {
  for (const url of [DIFFUSION, PREPROCESSOR]) {
    const { status, timings } = http.get(`${url}/healthz`, { timeout: "5s", tags: { name: "/healthz" } });
    healthDuration.add(timings.duration);
    if (status !== 200) faults.add(1);
  }
}
