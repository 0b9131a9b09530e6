/** What k6 cannot do itself: `npm run load-test` does it when it is told by name, and answers once it is done. */
import http from "k6/http";
import { Counter } from "k6/metrics";
import { loopback } from "./target.js";

/** Acts that were done; a scenario claims how many. */
const disturbances = new Counter("disturbances");

const DISTURBER = loopback("DISTURBER_URL", __ENV.DISTURBER_URL ?? "http://127.0.0.1:3333");

/** Has one act of the scenario's disturbance done (scripts/load-test/disturbances.ts). */
export function disturb(act) {
  const { status, body } = http.post(`${DISTURBER}/${act}`, null, { tags: { name: "disturb" } });
  if (status === 204) disturbances.add(1);
  else console.error(`${act} was not done: ${status} ${body}`);
}
