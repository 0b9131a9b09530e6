/**
 * Claim: for ten minutes (an hour with --scale 6) at a quarter of the rate at which usual pictures can be made, but with pictures of
 * every kind, nothing is refused, and 95 % of the pictures take less than six times what the usual one takes alone, in the last
 * third as in the first. `npm run load-test` adds that memory stays flat.
 */
import exec from "k6/execution";
import { askOnce, referencePictures } from "./lib/generate.js";
import { arrivals, loadOptions } from "./lib/options.js";
import { allPictures, inTurn } from "./lib/pictures.js";
import { CAPACITY, PICTURE_S, scaled } from "./lib/target.js";

export { teardown } from "./lib/aftermath.js";
export { probeHealth } from "./lib/health.js";
export { handleSummary } from "./lib/summary.js";

const THIRD_S = scaled(200);

const third = (phase, atS) => arrivals({ exec: "picture", perS: 0.25 * CAPACITY, forS: THIRD_S, atS, phase });

/** A picture with a ControlNet takes up to twice as long as the usual one. */
const BOUND = [`p(95)<${Math.round(6000 * PICTURE_S)}`];

export const options = loadOptions({
  scenarios: { first: third("first", 0), second: third("second", THIRD_S), last: third("last", 2 * THIRD_S) },
  forS: 3 * THIRD_S,
  thresholds: {
    refused: ["count==0"],
    "picture_duration{phase:first}": BOUND,
    "picture_duration{phase:last}": BOUND,
  },
});

export const setup = () => referencePictures(allPictures);

export function picture(references) {
  askOnce(inTurn(allPictures, exec.scenario.iterationInTest), references);
}
