/**
 * Claim: when the engine of one service hangs (SIGSTOP), and later that of the other, nobody has to help. Clients that ask again get
 * right answers, and none of either service waits 90 s from one answer to its next. What fails says that the engine was lost, or
 * when to come back. Both services say all the while that they are up, and at the end that they are ready, with one restart each.
 */
import { sleep } from "k6";
import exec from "k6/execution";
import { Trend } from "k6/metrics";
import { endsReady } from "./lib/aftermath.js";
import { ANNOTATIONS, annotate, referenceAnnotations } from "./lib/annotate.js";
import { disturb } from "./lib/disturb.js";
import { askPatiently, PATIENCE, referencePictures } from "./lib/generate.js";
import { loadOptions, loopingClients, oneClient } from "./lib/options.js";
import { allPictures, inTurn } from "./lib/pictures.js";
import { PICTURE_S, scaled } from "./lib/target.js";

export { probeHealth } from "./lib/health.js";
export { handleSummary } from "./lib/summary.js";

export const teardown = endsReady({ restarts: 1 });

const pictureGap = new Trend("picture_gap", true);
const controlImageGap = new Trend("control_image_gap", true);

const BEFORE_S = scaled(20);

/** The time that each service has to serve again; a hang is noticed after 20 s. */
const RECOVERY_S = 30 + scaled(60);

const END_S = BEFORE_S + 2 * RECOVERY_S;

/** The last seconds, in which both services serve again. */
const LATE_S = 10;

const MAX_GAP = ["max<90000"];

/** A client looks at its picture before it wants another. */
const LOOK_S = 4 * PICTURE_S;

const CLIENTS = 2;

/** A client of control images asks as patiently as one of pictures. */
const PATIENT = { attempts: PATIENCE + 1, mayLose: true };

const clients = (what) => loopingClients({ exec: what, stages: [[END_S, CLIENTS]], from: CLIENTS });

export const options = loadOptions({
  scenarios: {
    pictures: clients("picture"),
    control_images: clients("controlImage"),
    hang_diffusion: oneClient("hangDiffusion", { atS: BEFORE_S }),
    hang_preprocessor: oneClient("hangPreprocessor", { atS: BEFORE_S + RECOVERY_S }),
  },
  forS: END_S,
  thresholds: {
    disturbances: ["count==2"],
    picture_gap: MAX_GAP,
    control_image_gap: MAX_GAP,
    "pictures{phase:second}": ["count>0"],
    "pictures{phase:end}": ["count>0"],
    "control_images{phase:end}": ["count>0"],
    lost: ["count<=2"],
  },
});

export function setup() {
  return { pictures: referencePictures(allPictures), annotations: referenceAnnotations() };
}

export const hangDiffusion = () => disturb("hang-diffusion");

export const hangPreprocessor = () => disturb("hang-preprocessor");

/** When this client last got what it asked for. */
let lastMs = Date.now();

export function picture({ pictures }) {
  tagPhase();
  const wanted = inTurn(allPictures, exec.vu.idInTest + exec.vu.iterationInInstance);
  if (askPatiently(wanted, pictures, { mayLose: true })) countGap(pictureGap);
  sleep(LOOK_S);
}

export function controlImage({ annotations }) {
  tagPhase();
  const wanted = inTurn(ANNOTATIONS, exec.vu.idInTest + exec.vu.iterationInInstance);
  if (annotate(wanted, annotations, PATIENT)) countGap(controlImageGap);
  sleep(LOOK_S);
}

function countGap(gap) {
  const nowMs = Date.now();
  if (exec.vu.iterationInScenario > 0) gap.add(nowMs - lastMs);
  lastMs = nowMs;
}

/** What is asked for in `second` shows that diffusion serves again, and at the `end` that both do. */
function tagPhase() {
  const elapsedS = (Date.now() - exec.scenario.startTime) / 1000;
  const phase = elapsedS < BEFORE_S + RECOVERY_S ? "first" : elapsedS < END_S - LATE_S ? "second" : "end";
  exec.vu.metrics.tags.phase = phase;
}
