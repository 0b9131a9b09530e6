/**
 * Claim: a minute of mostly control images, then a minute of mostly pictures, with clients that leave and clients that send
 * nonsense all along: nobody else notices. Every answer is right, nonsense gets its declared status, a client that left holds no
 * place, 95 % of the control images come within a second and 95 % of the pictures within the time of a full queue.
 */
import exec from "k6/execution";
import { ANNOTATIONS, annotate, referenceAnnotations } from "./lib/annotate.js";
import { sendBadRequest } from "./lib/bad-requests.js";
import { askAndLeave, askPatiently, referencePictures } from "./lib/generate.js";
import { arrivals, loadOptions } from "./lib/options.js";
import { allPictures, inTurn, usualPictures } from "./lib/pictures.js";
import { CAPACITY, FULL_QUEUE_S, LONGEST_S, scaled } from "./lib/target.js";

export { teardown } from "./lib/aftermath.js";
export { probeHealth } from "./lib/health.js";
export { handleSummary } from "./lib/summary.js";

const HALF_S = scaled(60);

const half = (phase, { atS, controlImagesPerS, picturesPerS }) => ({
  [`${phase}_control_images`]: arrivals({ exec: "controlImage", perS: controlImagesPerS, forS: HALF_S, atS, phase }),
  [`${phase}_pictures`]: arrivals({ exec: "picture", perS: picturesPerS, forS: HALF_S, atS, phase }),
});

export const options = loadOptions({
  scenarios: {
    ...half("preprocess_heavy", { atS: 0, controlImagesPerS: 4, picturesPerS: 0.1 * CAPACITY }),
    ...half("generate_heavy", { atS: HALF_S, controlImagesPerS: 0.5, picturesPerS: 0.4 * CAPACITY }),
    leaving: arrivals({ exec: "leaver", perS: 0.2 * CAPACITY, forS: 2 * HALF_S, clients: 4 }),
    bad: arrivals({ exec: "badClient", perS: 2, forS: 2 * HALF_S, clients: 4 }),
  },
  forS: 2 * HALF_S,
  thresholds: {
    control_image_duration: ["p(95)<1000"],
    picture_duration: [`p(95)<${1000 * FULL_QUEUE_S}`, `max<${1000 * LONGEST_S}`],
    left: ["count>0"],
  },
});

export function setup() {
  return { pictures: referencePictures(allPictures), annotations: referenceAnnotations() };
}

export function controlImage({ annotations }) {
  annotate(inTurn(ANNOTATIONS, exec.scenario.iterationInTest), annotations);
}

export function picture({ pictures }) {
  askPatiently(inTurn(allPictures, exec.scenario.iterationInTest), pictures);
}

/** Leaves at once, or amid the steps. */
export function leaver() {
  const n = exec.scenario.iterationInTest;
  askAndLeave(inTurn(usualPictures, n), inTurn([0.02, 0.3, 0.6], n));
}

export function badClient() {
  sendBadRequest(exec.scenario.iterationInTest);
}
