/**
 * Claim: under ten times what the service can make, for three minutes, every accepted request is answered rightly, 95 % of them
 * within the time of a full queue and all within twice that; every refusal says when to come back; the service goes
 * on making pictures as fast as the shared cores permit. Once the queue that the spike left is through, nothing is refused, and
 * half of the pictures take less than twice what one takes alone, as before the spike.
 */
import exec from "k6/execution";
import { askOnce, referencePictures } from "./lib/generate.js";
import { arrivals, loadOptions } from "./lib/options.js";
import { inTurn, usualPictures } from "./lib/pictures.js";
import { CAPACITY, CONTENTION, FULL_QUEUE_S, LONGEST_S, PICTURE_S, scaled } from "./lib/target.js";

export { teardown } from "./lib/aftermath.js";
export { probeHealth } from "./lib/health.js";
export { handleSummary } from "./lib/summary.js";

const CALM_S = scaled(30);
const SPIKE_S = scaled(180);

/** Seconds from the start after which the queue that the spike left behind is empty. */
const AFTER_S = CALM_S + SPIKE_S + Math.ceil(FULL_QUEUE_S / CONTENTION);

const OVERLOAD = 10;

const calm = (phase, atS) => arrivals({ exec: "picture", perS: 0.5 * CAPACITY, forS: CALM_S, atS, phase });

export const options = loadOptions({
  scenarios: {
    before: calm("before", 0),
    spike: arrivals({ exec: "picture", perS: OVERLOAD * CAPACITY, forS: SPIKE_S, atS: CALM_S, phase: "spike" }),
    after: calm("after", AFTER_S),
  },
  forS: AFTER_S + CALM_S,
  thresholds: {
    "refused{phase:before}": ["count==0"],
    "pictures{phase:spike}": [`count>=${Math.floor((CAPACITY * SPIKE_S) / CONTENTION)}`],
    "refused{phase:spike}": [`count>=${Math.floor((OVERLOAD / 2) * CAPACITY * SPIKE_S)}`],
    "picture_duration{phase:spike}": [`p(95)<${1000 * FULL_QUEUE_S}`, `max<${1000 * LONGEST_S}`],
    "refusal_duration{phase:spike}": ["p(95)<500"],
    "refused{phase:after}": ["count==0"],
    "picture_duration{phase:before}": [`med<${Math.round(2000 * PICTURE_S)}`],
    "picture_duration{phase:after}": [`med<${Math.round(2000 * PICTURE_S)}`],
  },
});

export const setup = () => referencePictures(usualPictures);

export function picture(references) {
  askOnce(inTurn(usualPictures, exec.scenario.iterationInTest), references);
}
