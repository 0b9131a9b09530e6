/** The only place that gives an error its HTTP status. The answer's form is RFC 9457, `application/problem+json`. */

import type { ServerResponse } from "node:http";
import type { ProblemMessage } from "@armature/contract";
import { AppError, type CoreError, type FieldIssue, InvalidRequest, NotFound } from "@armature/core";
import type { EngineError } from "@armature/engine";
import type { PictureError } from "@armature/images";
import type { JobsError } from "@armature/jobs";
import type { SourceError } from "@armature/net";
import type { ErrorRequestHandler, Response } from "express";
import { BodyTooLarge, type HttpError, MalformedRequest, MethodNotAllowed, UnsupportedMediaType } from "./errors.js";

/** Codes of the errors that services throw themselves: their classes stand there; a service ties them to this list by `satisfies ServiceErrors`. */
type ServiceErrorCode = "upstream-failed" | "upstream-unavailable";

interface ServiceError extends AppError {
  readonly code: ServiceErrorCode;
  readonly retryAfterS?: number;
}

/** A service's own table of errors, by their codes. */
export type ServiceErrors = Partial<Record<ServiceErrorCode, abstract new (...args: never[]) => ServiceError>>;

/** Every class of errors that may reach a client: a code without its row below does not compile. */
type KnownError = CoreError | EngineError | PictureError | JobsError | SourceError | HttpError | ServiceError;

export type ProblemCode = KnownError["code"] | "internal-error";

interface ProblemKind {
  status: number;
  title: string;
  /** True where the message speaks of files or settings of the server: such a text is logged, not sent. */
  confidential?: true;
}

/** 499 is nginx's status for a client that closed its connection; nobody reads it but the log. */
export const PROBLEMS = {
  "malformed-request": { status: 400, title: "Malformed request" },
  "foreign-origin": { status: 403, title: "Request from another site" },
  "not-found": { status: 404, title: "Not found" },
  "method-not-allowed": { status: 405, title: "Method not allowed" },
  "not-acceptable": { status: 406, title: "No acceptable form of the answer" },
  "request-timeout": { status: 408, title: "Request sent too slowly" },
  "body-too-large": { status: 413, title: "Body too large" },
  "over-budget": { status: 413, title: "More than fits into memory" },
  "unsupported-media-type": { status: 415, title: "Unsupported media type" },
  "host-not-served": { status: 421, title: "Another host's request" },
  "invalid-request": { status: 422, title: "Invalid request" },
  "image-too-large": { status: 422, title: "Image too large" },
  "unsupported-image": { status: 422, title: "Unsupported image" },
  "source-forbidden": { status: 422, title: "Image source not permitted" },
  "source-unreachable": { status: 422, title: "Image source not reachable" },
  "out-of-memory": { status: 422, title: "More memory needed than there is" },
  "queue-full": { status: 429, title: "Too busy" },
  "budget-full": { status: 429, title: "Too busy" },
  "too-many-connections": { status: 429, title: "Too many connections" },
  "headers-too-large": { status: 431, title: "Headers too large" },
  cancelled: { status: 499, title: "Cancelled" },
  "internal-error": { status: 500, title: "Internal error", confidential: true },
  "decoder-crashed": { status: 500, title: "Picture decoder crashed" },
  "engine-crashed": { status: 500, title: "Engine crashed" },
  "device-lost": { status: 500, title: "Device lost" },
  "not-finite": { status: 500, title: "No numbers to make a picture of" },
  "invalid-model": { status: 500, title: "Unusable model", confidential: true },
  "invalid-config": { status: 500, title: "Unusable configuration", confidential: true },
  "upstream-failed": { status: 502, title: "Another service failed" },
  draining: { status: 503, title: "Shutting down" },
  "not-ready": { status: 503, title: "Not ready" },
  "upstream-unavailable": { status: 503, title: "Another service is unavailable" },
  "engine-unavailable": { status: 503, title: "Engine unavailable" },
  "device-unavailable": { status: 503, title: "Device unavailable" },
  "job-store-failed": { status: 503, title: "Job not kept" },
  "deadline-exceeded": { status: 504, title: "Deadline exceeded" },
} satisfies Record<ProblemCode, ProblemKind>;

/** An error as HTTP tells it. */
export interface Problem {
  status: number;
  headers: Record<string, string>;
  body: ProblemMessage;
}

/**
 * Turns anything thrown into a problem; its `type` leads to the code's line on the service's own documentation page.
 * What is no `AppError` becomes `internal-error`, and its text stays here.
 */
export function toProblem(thrown: unknown, requestId?: string): Problem {
  const error = recognise(thrown);
  const code = error?.code ?? "internal-error";
  const { status, title, confidential }: ProblemKind = PROBLEMS[code];
  const body: ProblemMessage = { type: `/docs#${code}`, title, status, code };
  if (error && !confidential) {
    body.detail = error.message;
    const errors = issuesOf(error);
    if (errors.length > 0) body.errors = errors;
  }
  if (requestId) body.request_id = requestId;
  return { status, headers: headersOf(error), body };
}

/** True for a failure that somebody of the operators must look at, and not merely a request that was refused. */
export function isFault(problem: Problem): boolean {
  return problem.status === 500;
}

/**
 * Express's last middleware. `onProblem` gets every problem with what was thrown, for the log.
 * An answer already under way cannot be taken back: its connection is cut, so that no client mistakes it for whole.
 */
export function problemMiddleware(onProblem: (res: Response, problem: Problem, thrown: unknown) => void) {
  const middleware: ErrorRequestHandler = (thrown, _req, res, _next) => {
    const problem = toProblem(thrown, requestId(res));
    onProblem(res, problem, thrown);
    if (res.headersSent) res.destroy();
    else sendProblem(res, problem);
  };
  return middleware;
}

/** The id of the request that `res` answers, as its header says it. */
export function requestId(res: ServerResponse): string {
  return String(res.getHeader("X-Request-Id") ?? "");
}

function sendProblem(res: Response, { status, headers, body }: Problem): void {
  const text = JSON.stringify(body);
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.statusCode = status;
  res.setHeader("Cache-Control", "no-store");
  res.setHeader("Content-Type", "application/problem+json");
  res.setHeader("Content-Length", Buffer.byteLength(text));
  res.end(text);
}

function recognise(thrown: unknown): KnownError | undefined {
  if (isKnown(thrown)) return thrown;
  return fromExpress(thrown);
}

function isKnown(thrown: unknown): thrown is KnownError {
  return thrown instanceof AppError && Object.hasOwn(PROBLEMS, thrown.code);
}

/** Errors of Express and its middleware are plain ones with a `status`; a path that cannot be decoded is one of them. */
function fromExpress(thrown: unknown): KnownError | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const status = "status" in thrown ? Number(thrown.status) : 0;
  const cause = { cause: thrown };
  if (thrown instanceof URIError && status === 400) {
    return new MalformedRequest("The path holds a % that does not begin an encoded UTF-8 character", cause);
  }
  if (status === 403 || status === 404) return new NotFound("There is nothing here", cause);
  if (status === 413) return new BodyTooLarge("The body is too large", cause);
  if (status === 415) return new UnsupportedMediaType("The body's type, charset or encoding is not accepted", cause);
  if (status >= 400 && status < 500) return new MalformedRequest("The request cannot be read", cause);
  return undefined;
}

function issuesOf(error: KnownError): FieldIssue[] {
  if (error instanceof InvalidRequest) return error.issues;
  return error.pointer === undefined ? [] : [{ pointer: error.pointer, detail: error.message }];
}

function headersOf(error: KnownError | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  const retryAfterS = error && "retryAfterS" in error ? error.retryAfterS : undefined;
  if (retryAfterS !== undefined) headers["Retry-After"] = String(Math.max(1, Math.ceil(retryAfterS)));
  if (error instanceof MethodNotAllowed) headers.Allow = error.allow.join(", ");
  return headers;
}
