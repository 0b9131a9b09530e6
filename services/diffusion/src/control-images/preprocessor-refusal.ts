/** What another status than 200 from a preprocessor means to the client of this service. Nothing that it says is passed on unchecked. */
import { problem } from "@armature/contract";
import { InvalidRequest } from "@armature/core";
import type { Dispatcher } from "undici";
import { UpstreamFailed, UpstreamUnavailable } from "./errors.js";

/** Seconds, where the service says none that can be believed. */
const DEFAULT_RETRY_AFTER_S = 5;
const MAX_RETRY_AFTER_S = 600;
const MAX_TEXT = 300;

/** What the service was asked for: a processor, and where the request names it, as a JSON pointer. */
interface Asked {
  processor: string;
  pointer: string;
}

/** A preprocessor's address as the operator configured it, without credentials and query. */
export function serviceName(base: string): string {
  const { origin, pathname } = new URL(base);
  return origin + pathname.replace(/\/$/, "");
}

/** The error for an answer with this status, header and body. */
export function refusal(
  base: string,
  { statusCode, headers }: Pick<Dispatcher.ResponseData, "statusCode" | "headers">,
  body: Buffer,
  { pointer, processor }: Asked,
): Error {
  const service = `The preprocessor ${serviceName(base)}`;
  if (statusCode === 429 || statusCode === 503) {
    const message = `${service} is too busy or not ready; try again later`;
    return new UpstreamUnavailable(message, retryAfterS(headers["retry-after"]));
  }
  const said = problemText(body);
  const refusesInput = [404, 413, 415, 422].includes(statusCode);
  if (said && refusesInput) {
    return new InvalidRequest([{ pointer, detail: `the preprocessor service refuses ${processor}: ${said}` }]);
  }
  return new UpstreamFailed(`${service} failed with status ${statusCode}`);
}

/** Whole seconds, 1 to MAX_RETRY_AFTER_S; the header's other form, a date, is a clock of somebody else's. */
function retryAfterS(header: string | string[] | undefined): number {
  const seconds = typeof header === "string" && /^\d{1,9}$/.test(header) ? Number(header) : DEFAULT_RETRY_AFTER_S;
  return Math.min(Math.max(1, seconds), MAX_RETRY_AFTER_S);
}

/** The detail of a problem document, on one line of bounded length, without characters that steer a terminal or turn its text. */
function problemText(body: Buffer): string | undefined {
  try {
    const detail = problem.safeParse(JSON.parse(body.toString("utf8"))).data?.detail;
    const text = detail?.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ").trim();
    return text && text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  } catch {
    return undefined;
  }
}
