/** What both services' HTTP has in common: everything but their own routes. */

import { randomUUID } from "node:crypto";
import { Draining, NotFound } from "@armature/core";
import express, { type Express, type RequestHandler, type Router } from "express";
import type { Logger } from "pino";
import { discardBody } from "./body.js";
import { builtinRoutes } from "./builtin-routes.js";
import { docsPage } from "./docs-page.js";
import { MalformedRequest, MethodNotAllowed, NotReady } from "./errors.js";
import type { ServiceMetrics } from "./metrics.js";
import { type OpenApiDocument, openApiDocument, type RouteDeclaration, type ServiceInfo } from "./openapi.js";
import { problemMiddleware } from "./problem.js";
import { noteProblem, requestLog } from "./request-log.js";
import { allowedMethods } from "./routes.js";

/** Why the service cannot take work at present. */
export interface Obstacle {
  reason: string;
  retryAfterS?: number;
}

export interface AppOptions {
  info: ServiceInfo;
  log: Logger;
  metrics: ServiceMetrics;
  /** The service's own routes, as the document shows them, and the routers that serve them, mounted at the root. */
  routes: RouteDeclaration[];
  routers: Router[];
  /** Asked by `/readyz`. */
  obstacle: () => Obstacle | undefined;
  /** Which proxies' X-Forwarded-For is believed, as Express's `trust proxy`; default none. */
  trustProxy?: boolean | number | string;
  /** Retry-After of what is refused while shutting down: how long a restart takes. */
  drainRetryAfterS?: number;
  /** Called when draining begins, for work that was taken but not begun: another instance may do it sooner. */
  onDrain?: () => void;
}

export interface ServiceApp {
  handle: Express;
  document: OpenApiDocument;
  /** From now on `/readyz` says no, new work is refused, and answers ask clients to close their connections. */
  drain(): void;
}

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;

const HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
};

/** Puts the application together. Work is what comes by POST; reading and cancelling stay possible until the end. */
export function createApp(options: AppOptions): ServiceApp {
  const document = openApiDocument(options.info, [...options.routes, ...builtinRoutes]);
  const drainRetryAfterS = options.drainRetryAfterS ?? 5;
  let draining = false;

  const app = express();
  app
    .disable("x-powered-by")
    .disable("etag")
    .set("trust proxy", options.trustProxy ?? false);
  app.use(introduce, requestLog(options.log), options.metrics.measureRequests, requireHost, answerOptions(app));

  app.get("/healthz", (_req, res) => void res.json({ status: "up" }));
  app.get("/readyz", (_req, res) => {
    if (draining) throw new Draining(drainRetryAfterS);
    const obstacle = options.obstacle();
    if (obstacle) throw new NotReady(obstacle.reason, obstacle.retryAfterS);
    res.json({ status: "ready" });
  });
  app.get("/metrics", async (_req, res) => {
    const { registry } = options.metrics;
    res.type(registry.contentType).send(await registry.metrics());
  });
  app.get("/openapi.json", (_req, res) => void res.json(document));
  const docs = docsPage(document);
  app.get("/docs", (_req, res) => {
    res.set("Content-Security-Policy", docs.contentSecurityPolicy).type("html").send(docs.html);
  });

  app.use(async (req, res, next) => {
    if (!draining) return next();
    res.set("Connection", "close");
    if (req.method !== "POST") return next();
    await discardBody(req); // a connection that closes over unread bytes loses the answer
    throw new Draining(drainRetryAfterS);
  });
  app.use(...options.routers, refuseUnmatched(app));
  app.use(problemMiddleware(noteProblem));

  const drain = () => {
    draining = true;
    options.onDrain?.();
  };
  return { handle: app, document, drain };
}

const introduce: RequestHandler = (req, res, next) => {
  const given = req.get("X-Request-Id") ?? "";
  res.set({ ...HEADERS, "X-Request-Id": REQUEST_ID.test(given) ? given : randomUUID() });
  next();
};

/** RFC 9112, section 3.2. Node would refuse it too, but not in our form. */
const requireHost: RequestHandler = (req, _res, next) => {
  if (req.httpVersion === "1.1" && !req.headers.host) throw new MalformedRequest("HTTP/1.1 wants a Host header");
  next();
};

const answerOptions = (app: Express): RequestHandler => {
  return (req, res, next) => {
    const allow = req.method === "OPTIONS" ? allowedMethods(app, req.path) : [];
    if (allow.length === 0) return next();
    res.set("Allow", allow.join(", ")).status(204).end();
  };
};

const refuseUnmatched = (app: Express): RequestHandler => {
  return (req) => {
    const allow = allowedMethods(app, req.path);
    if (allow.length === 0) throw new NotFound("There is no such route; GET /docs lists those there are");
    throw new MethodNotAllowed(`The method is not allowed here; allowed are ${allow.join(", ")}`, allow);
  };
};
