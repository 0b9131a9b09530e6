/** One JSON line per finished request. What may stand in it is a closed list, so that no prompt and no picture ever does. */
import type { RequestHandler, Response } from "express";
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";
import { onLateFault, outcomeOf } from "./outcome.js";
import { isFault, type Problem, requestId } from "./problem.js";
import { routeOf } from "./routes.js";

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug", "trace"] as const;

/** What a route may add to the line of its request. */
export interface LogFields {
  queueMs?: number;
  inferenceMs?: number;
  model?: string;
  scheduler?: string;
  processor?: string;
  controls?: string[];
  steps?: number;
  seed?: number | number[];
  width?: number;
  height?: number;
  images?: number;
  cached?: boolean;
}

/** Names that hold a user's words or pictures, or a secret; a line of any code's is blanked there, up to two levels deep. */
const PRIVATE = ["prompt", "negative_prompt", "negativePrompt", "image", "mask_image", "maskImage", "images_base64"];
const SECRET = ["authorization", "cookie", "apiKey", "password", "token", "secretAccessKey"];

/** Paths that machines poll; their lines would bury the others. */
const POLLED = new Set(["/healthz", "/readyz", "/metrics"]);

export interface LoggerOptions {
  level: (typeof LOG_LEVELS)[number];
  service: string;
  version: string;
  /** Default: standard output. */
  destination?: DestinationStream;
}

/** A logger that writes JSON lines with ISO times and level names. */
export function createLogger({ level, service, version, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service, version },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: [...PRIVATE, ...SECRET].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: "[redacted]",
    },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** Adds fields to the line that will be written when the request is finished. */
export function addLogFields(res: Response, fields: LogFields): void {
  fieldsOf.set(res, { ...fieldsOf.get(res), ...fields });
}

/**
 * Writes the line: `error` for a fault of ours, `warn` for what was refused, `debug` for polled paths, else `info`. The text of a
 * fault goes into it with its stack; that of a refusal does not. A fault that shows only after the line gets one of its own.
 */
export function requestLog(log: Logger): RequestHandler {
  return (req, res, next) => {
    const startMs = performance.now();
    res.once("close", () => {
      const { status, problem, thrown } = outcomeOf(res);
      const line = {
        requestId: requestId(res),
        method: req.method,
        route: routeOf(req),
        status,
        durationMs: Math.round(performance.now() - startMs),
        ...fieldsOf.get(res),
        ...(problem && { code: problem.body.code }),
        ...(problem && isFault(problem) && { err: thrown }),
      };
      log[levelOf(line, problem)](line, "request");
      onLateFault(res, ({ problem: { body }, thrown: err }) => {
        log.error({ requestId: line.requestId, code: body.code, err }, "late fault");
      });
    });
    next();
  };
}

const fieldsOf = new WeakMap<Response, LogFields>();

function levelOf({ route, status }: { route: string; status: number }, problem: Problem | undefined) {
  if (problem && isFault(problem)) return "error";
  if (POLLED.has(route)) return "debug";
  return status >= 400 && status !== 499 ? "warn" : "info";
}
