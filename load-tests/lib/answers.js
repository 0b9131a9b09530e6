/** What an answer is: the right one, a refusal that says when to come back, or a fault, each counted. */
import crypto from "k6/crypto";
import { Counter, Trend } from "k6/metrics";

const wrong = new Counter("wrong_answers");
const undeclared = new Counter("undeclared_answers");
const refused = new Counter("refused");
const refusalDuration = new Trend("refusal_duration", true);
const missingRetryAfter = new Counter("missing_retry_after");
const lost = new Counter("lost");

/** An hour is no time that anyone waits. */
const MAX_RETRY_AFTER_S = 3600;

/** Digest by which an answer is compared with its reference. */
export const digest = (bytes) => crypto.sha256(bytes, "hex");

/**
 * Seconds after which to ask again, or 0 for an answer that is final. Counts the refusal and its faults: 429 and 503 must say
 * when to come back; any other status, a broken connection (0) too, nobody has declared. `mayLose`: the scenario ends an engine, and
 * the job that it worked on with it.
 */
export function retryAfterS(response, { mayLose = false } = {}) {
  const { status } = response;
  if (status === 200) return 0;
  if (mayLose && status === 500 && response.json("code") === "engine-crashed") {
    lost.add(1);
    return 1;
  }
  if (status !== 429 && status !== 503) {
    undeclared.add(1, { status: String(status) });
    console.error(`undeclared: ${status} ${response.error} ${text(response).slice(0, 300)}`);
    return 0;
  }
  refused.add(1, { status: String(status) });
  refusalDuration.add(response.timings.duration);
  const seconds = Number(response.headers["Retry-After"]);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_RETRY_AFTER_S) return seconds;
  missingRetryAfter.add(1);
  console.error(`${status} with Retry-After: ${response.headers["Retry-After"]}`);
  return 1;
}

/** Counts an answer that came, but is not what was asked for. */
export function countWrong(what, found) {
  wrong.add(1);
  console.error(`wrong answer: ${what}: ${found}`);
}

/** The body as text, for messages. */
export const text = (response) => (typeof response.body === "string" ? response.body : "");
