/**
 * Claim: while everybody else asks for three times what can be made, a client with a priority waits for the running picture and
 * little more, and one with a deadline is told at once, or at its deadline, that it will not be served: nothing starts late.
 */
import exec from "k6/execution";
import { askInTime, askOnce, askUrgently, referencePictures } from "./lib/generate.js";
import { arrivals, loadOptions } from "./lib/options.js";
import { inTurn, usualPictures } from "./lib/pictures.js";
import { CAPACITY, CONTENTION, PICTURE_S, scaled } from "./lib/target.js";

export { teardown } from "./lib/aftermath.js";
export { probeHealth } from "./lib/health.js";
export { handleSummary } from "./lib/summary.js";

const LOAD_S = scaled(60);

const URGENT_PER_S = 0.1 * CAPACITY;

/** About half of a full queue's time: some get in, some do not. */
const DEADLINE_MS = Math.ceil(8000 * PICTURE_S * CONTENTION);

/** How far the service's clock may be behind the deadline: one timer on a busy machine. */
const TIMER_MS = 250;

/** The running picture, others with a priority, and those that may not be overtaken any more. */
const URGENT_WAIT_S = 6 * PICTURE_S * CONTENTION;

export const options = loadOptions({
  scenarios: {
    everybody: arrivals({ exec: "picture", perS: 3 * CAPACITY, forS: LOAD_S }),
    urgent: arrivals({ exec: "urgentPicture", perS: URGENT_PER_S, forS: LOAD_S, atS: 5, clients: 4, phase: "urgent" }),
    hurried: arrivals({
      exec: "pictureInTime",
      perS: 0.5 * CAPACITY,
      forS: LOAD_S,
      atS: 5,
      clients: 8,
      phase: "hurried",
    }),
  },
  forS: LOAD_S + 5,
  thresholds: {
    "pictures{phase:urgent}": ["count>0"],
    "queue_duration{phase:urgent}": [`p(95)<${Math.round(1000 * URGENT_WAIT_S)}`],
    "queue_duration{phase:hurried}": [`max<${DEADLINE_MS + TIMER_MS}`],
    "pictures{phase:hurried}": ["count>0"],
    too_late: ["count>0"],
    "refused{phase:load}": ["count>0"],
  },
});

export const setup = () => referencePictures(usualPictures);

export function picture(references) {
  askOnce(inTurn(usualPictures, exec.scenario.iterationInTest), references);
}

export function urgentPicture(references) {
  askUrgently(inTurn(usualPictures, exec.scenario.iterationInTest), references);
}

export function pictureInTime(references) {
  askInTime(inTurn(usualPictures, exec.scenario.iterationInTest), references, DEADLINE_MS);
}
