/**
 * Claim: honest clients, at a modest rate, hardly notice hostile ones: pictures and control images take at most twice as long (p95) as
 * in the quiet half before, and none is refused. Hostile ones hold hundreds of connections, uploads and pictures that never end,
 * huge pictures in small files, and work that they do not wait for; each service's memory stays at its idle value plus 1.2 times
 * INFLIGHT_MB at most, and 5 s after they have left, nothing runs for them.
 */
import { sleep } from "k6";
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { ANNOTATIONS, annotate, referenceAnnotations } from "./lib/annotate.js";
import { disturb } from "./lib/disturb.js";
import { askPatiently, referencePictures } from "./lib/generate.js";
import { isIdle } from "./lib/metrics.js";
import { arrivals, loadOptions, oneClient } from "./lib/options.js";
import { allPictures, inTurn } from "./lib/pictures.js";
import { CAPACITY, DIFFUSION, LONGEST_S, PREPROCESSOR, scaled } from "./lib/target.js";

export { teardown } from "./lib/aftermath.js";
export { probeHealth } from "./lib/health.js";
export { handleSummary } from "./lib/summary.js";

const workForNobody = new Counter("work_for_nobody");

const HALF_S = scaled(90);

/** Honest requests have been answered by then, and the hostile clients leave. */
const LEAVE_S = 2 * HALF_S + 5;

/** By then, nothing may be left of what they asked for. */
const SETTLED_S = 5;

/** Few enough that each asks again before its idle connection is closed, after 10 s: else it may be closed as it is used. */
const CLIENTS = 8;

const half = (phase, atS) => ({
  [`${phase}_pictures`]: honest(phase, atS, { exec: "picture", perS: 0.3 * CAPACITY }),
  [`${phase}_control_images`]: honest(phase, atS, { exec: "controlImage", perS: 1 }),
});

function honest(phase, atS, what) {
  return arrivals({ ...what, forS: HALF_S, atS, phase, clients: CLIENTS });
}

const LONGEST = [`max<${1000 * LONGEST_S}`];

export const options = loadOptions({
  scenarios: {
    ...half("quiet", 0),
    attack: oneClient("attack", { atS: HALF_S }),
    ...half("attacked", HALF_S),
    leave: oneClient("leave", { atS: LEAVE_S }),
  },
  forS: LEAVE_S + SETTLED_S,
  thresholds: {
    disturbances: ["count==2"],
    refused: ["count==0"],
    work_for_nobody: ["count==0"],
    "picture_duration{phase:quiet}": LONGEST,
    "picture_duration{phase:attacked}": LONGEST,
    "control_image_duration{phase:quiet}": LONGEST,
    "control_image_duration{phase:attacked}": LONGEST,
  },
});

export function setup() {
  return { pictures: referencePictures(allPictures), annotations: referenceAnnotations() };
}

export function picture({ pictures }) {
  askPatiently(inTurn(allPictures, exec.scenario.iterationInTest), pictures);
}

export function controlImage({ annotations }) {
  annotate(inTurn(ANNOTATIONS, exec.scenario.iterationInTest), annotations);
}

export const attack = () => disturb("attack");

/** All hostile connections are closed when this is done. */
export function leave() {
  disturb("leave");
  sleep(SETTLED_S);
  for (const url of [DIFFUSION, PREPROCESSOR]) if (!isIdle(url)) workForNobody.add(1);
}
