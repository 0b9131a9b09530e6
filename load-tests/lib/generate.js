/** Clients of POST /generate. */
import { sleep } from "k6";
import http from "k6/http";
import { Counter, Trend } from "k6/metrics";
import { countWrong, digest, retryAfterS } from "./answers.js";
import { DIFFUSION, LONGEST_S, PICTURE_S } from "./target.js";

const pictures = new Counter("pictures");
const pictureDuration = new Trend("picture_duration", true);
const queueDuration = new Trend("queue_duration", true);
const gaveUp = new Counter("gave_up");
const left = new Counter("left");
const tooLate = new Counter("too_late");
const attemptsNeeded = new Trend("attempts_needed");

const URL = `${DIFFUSION}/generate`;
const HEADERS = { "Content-Type": "application/json" };

/** Further times that a patient client asks. */
export const PATIENCE = 10;

/** Makes each picture once, alone: the digests that all later answers are compared with, by the picture's seed. */
export function referencePictures(wanted) {
  const references = {};
  for (const picture of wanted) {
    const response = send(picture);
    if (response.status !== 200) throw new Error(`no reference: ${response.status} ${response.body}`);
    references[picture.seed] = digest(response.json("images.0.image"));
  }
  return references;
}

/** Asks once. True if the picture came, and it is right; false if it was refused. */
export function askOnce(picture, references) {
  return receive(send(picture), picture, references) === 0;
}

/** Asks once, before everybody who has no priority. */
export const askUrgently = (picture, references) => receive(send(picture, { "X-Priority": "10" }), picture, references);

/** Asks once, for a picture that begins within `deadlineMs`; being told that none will is right too, but no refusal as others. */
export function askInTime(picture, references, deadlineMs) {
  const response = send(picture, { "X-Deadline-Ms": String(deadlineMs) });
  if (response.status === 504) tooLate.add(1);
  else receive(response, picture, references);
}

/**
 * Asks until the picture comes, each time after the seconds that Retry-After says. True if it came. `mayLose`: an answer may be that
 * the engine was lost; then it asks again after a second.
 */
export function askPatiently(picture, references, { mayLose = false } = {}) {
  for (let attempt = 1; attempt <= PATIENCE + 1; attempt++) {
    const waitS = receive(send(picture), picture, references, { mayLose });
    if (waitS === 0) {
      attemptsNeeded.add(attempt);
      return true;
    }
    sleep(waitS);
  }
  gaveUp.add(1);
  return false;
}

/** Asks, and closes the connection before the answer can have come: after `share` of a picture's time. */
export function askAndLeave(picture, share) {
  const response = http.post(URL, JSON.stringify(picture), { headers: HEADERS, timeout: 1000 * PICTURE_S * share });
  if (response.error_code === REQUEST_TIMEOUT) left.add(1);
  else retryAfterS(response);
}

/** Asks for all at once, from one client; gives the responses. */
export function askAtOnce(wanted) {
  return http.batch(wanted.map((picture) => ["POST", URL, JSON.stringify(picture), parameters()]));
}

/** Seconds to wait before asking again; 0: the picture came. Counts and compares it. */
export function receive(response, picture, references, { mayLose = false } = {}) {
  const waitS = retryAfterS(response, { mayLose });
  if (response.status !== 200) return waitS;
  pictures.add(1);
  pictureDuration.add(response.timings.duration);
  queueDuration.add(response.json("timings.queue_ms"));
  if (digest(response.json("images.0.image")) !== references[picture.seed]) {
    countWrong(`seed ${picture.seed}`, "not the picture that was made alone");
  }
  return 0;
}

/** k6's error code for a request that took longer than its timeout. */
const REQUEST_TIMEOUT = 1050;

const send = (picture, headers) => http.post(URL, JSON.stringify(picture), parameters(headers));

const parameters = (headers) => ({
  headers: { ...HEADERS, ...headers },
  timeout: 1000 * (LONGEST_S + 60),
  tags: { name: "/generate" },
});
