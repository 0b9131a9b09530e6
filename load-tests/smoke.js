/**
 * Claim: each kind of request is answered rightly, one after the other; of a burst of more than one client may have waiting, the
 * refused ones that come back after Retry-After all get in; bad requests get their declared status. About 30 pictures' time.
 */
import { sleep } from "k6";
import { Counter } from "k6/metrics";
import { ANNOTATIONS, annotate, referenceAnnotations } from "./lib/annotate.js";
import { BAD_REQUEST_KINDS, sendBadRequest } from "./lib/bad-requests.js";
import { askAndLeave, askAtOnce, askOnce, receive, referencePictures } from "./lib/generate.js";
import { loadOptions, oneClient } from "./lib/options.js";
import { allPictures, annotatedPictures, controlledPictures, inTurn, usualPictures } from "./lib/pictures.js";
import { QUEUE_LIMIT_PER_CLIENT, scaled } from "./lib/target.js";

export { teardown } from "./lib/aftermath.js";
export { probeHealth } from "./lib/health.js";
export { handleSummary } from "./lib/summary.js";

const refusedAgain = new Counter("refused_again");

/** One runs, as many wait as one client may have waiting, and these are refused. */
const REFUSED = 3;

const BURST = 1 + QUEUE_LIMIT_PER_CLIENT + REFUSED;

const KINDS = [usualPictures[0], ...controlledPictures, ...annotatedPictures];

export const options = loadOptions({
  scenarios: { everything: oneClient("everyKind") },
  forS: scaled(15),
  thresholds: {
    pictures: [`count==${KINDS.length + BURST}`],
    control_images: [`count==${ANNOTATIONS.length}`],
    refused: [`count==${REFUSED}`],
    refused_again: ["count==0"],
  },
});

export function setup() {
  return { pictures: referencePictures(allPictures), annotations: referenceAnnotations() };
}

export function everyKind(references) {
  for (const picture of KINDS) askOnce(picture, references.pictures);
  for (const wanted of ANNOTATIONS) annotate(wanted, references.annotations);
  for (let n = 0; n < BAD_REQUEST_KINDS; n++) sendBadRequest(n);
  burst(references.pictures);
  askAndLeave(usualPictures[0], 0.5); // last: its place is free again only when its step has ended
}

function burst(references) {
  const wanted = Array.from({ length: BURST }, (_, n) => inTurn(usualPictures, n));
  const waits = askAtOnce(wanted).map((response, n) => receive(response, wanted[n], references));
  const refused = wanted.filter((_, n) => waits[n] > 0);
  sleep(Math.max(...waits));
  for (const [n, response] of askAtOnce(refused).entries()) {
    if (receive(response, refused[n], references) > 0) refusedAgain.add(1);
  }
}
