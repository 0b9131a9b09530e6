/**
 * Claim: with ever more clients, up to twice as many as there are places, the service goes on making pictures as fast as the shared
 * cores permit; each client that comes back after Retry-After gets its picture, 95 % of them within the time of a full queue and all within twice that.
 */
import { sleep } from "k6";
import exec from "k6/execution";
import { askPatiently, referencePictures } from "./lib/generate.js";
import { loadOptions, loopingClients } from "./lib/options.js";
import { inTurn, usualPictures } from "./lib/pictures.js";
import { CAPACITY, CONTENTION, FULL_QUEUE_S, LONGEST_S, PICTURE_S, QUEUE_LIMIT, scaled } from "./lib/target.js";

export { teardown } from "./lib/aftermath.js";
export { probeHealth } from "./lib/health.js";
export { handleSummary } from "./lib/summary.js";

/** One running and all waiting. */
const PLACES = QUEUE_LIMIT + 1;

const RAMP_S = scaled(90);
const SATURATED_S = scaled(60);

/** A client looks at its picture before it wants another. */
const LOOK_S = 8 * PICTURE_S;

export const options = loadOptions({
  scenarios: {
    clients: loopingClients({
      exec: "client",
      stages: [
        [RAMP_S, 2 * PLACES],
        [SATURATED_S, 2 * PLACES],
      ],
    }),
  },
  forS: RAMP_S + SATURATED_S,
  thresholds: {
    "pictures{phase:saturated}": [`count>=${Math.floor((CAPACITY * SATURATED_S) / CONTENTION)}`],
    picture_duration: [`p(95)<${1000 * FULL_QUEUE_S}`, `max<${1000 * LONGEST_S}`],
  },
});

export const setup = () => referencePictures(usualPictures);

export function client(references) {
  const elapsedS = (Date.now() - exec.scenario.startTime) / 1000;
  exec.vu.metrics.tags.phase = elapsedS < RAMP_S ? "ramp" : "saturated";
  askPatiently(inTurn(usualPictures, exec.vu.idInTest + exec.vu.iterationInInstance), references);
  sleep(LOOK_S);
}
