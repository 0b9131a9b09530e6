/** Express middleware that measures requests: how long each took, its status, and the code of its problem. */
import type { RequestHandler } from "express";
import { Counter, type Registry } from "prom-client";
import { durationHistogram } from "./duration-histogram.js";
import { outcomeOf } from "./outcome.js";
import { routeOf } from "./routes.js";

export function requestMetrics(registry: Registry): RequestHandler {
  const duration = durationHistogram(registry, {
    name: "http_request_duration_seconds",
    help: "From the request's headers to the end of the answer; the status is that of what came of it, also where events told it",
    labelNames: ["route", "method", "status"],
  });
  const problems = new Counter({
    name: "http_problems_total",
    help: "Requests that failed or were refused, by the code of their problem",
    labelNames: ["route", "code"],
    registers: [registry],
  });
  return (req, res, next) => {
    const stop = duration.startTimer();
    res.once("close", () => {
      const { status, problem } = outcomeOf(res);
      stop({ route: routeOf(req), method: req.method, status });
      if (problem) problems.inc({ route: routeOf(req), code: problem.body.code });
    });
    next();
  };
}
