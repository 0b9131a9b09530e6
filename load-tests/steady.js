/**
 * Claim: at half of what the service can make, for a minute, nothing is refused, and 95 % of the pictures take less than four
 * times what one takes alone.
 */
import exec from "k6/execution";
import { askOnce, referencePictures } from "./lib/generate.js";
import { arrivals, loadOptions } from "./lib/options.js";
import { inTurn, usualPictures } from "./lib/pictures.js";
import { CAPACITY, PICTURE_S, scaled } from "./lib/target.js";

export { teardown } from "./lib/aftermath.js";
export { probeHealth } from "./lib/health.js";
export { handleSummary } from "./lib/summary.js";

const DURATION_S = scaled(60);

export const options = loadOptions({
  scenarios: { pictures: arrivals({ exec: "picture", perS: 0.5 * CAPACITY, forS: DURATION_S }) },
  forS: DURATION_S,
  thresholds: {
    pictures: [`count>=${Math.floor(0.45 * CAPACITY * DURATION_S)}`],
    picture_duration: [`p(95)<${Math.round(4000 * PICTURE_S)}`],
    refused: ["count==0"],
  },
});

export const setup = () => referencePictures(usualPictures);

export function picture(references) {
  askOnce(inTurn(usualPictures, exec.scenario.iterationInTest), references);
}
