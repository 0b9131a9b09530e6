/** What both services' HTTP has in common: everything but their own routes. */
import { randomUUID } from "node:crypto";
import { Draining, type Inflight, NotFound } from "@armature/core";
import express, { type Express, type RequestHandler, type Router } from "express";
import type { Logger } from "pino";
import type { Access } from "./access.js";
import { discardBody } from "./body.js";
import { withoutPort } from "./client.js";
import { cors } from "./cors.js";
import { documentDeclarations, documentRoutes } from "./document-routes.js";
import { MethodNotAllowed } from "./errors.js";
import { checkHost, requireHost } from "./host-check.js";
import type { ServiceMetrics } from "./metrics.js";
import { type OpenApiDocument, openApiDocument, type RouteDeclaration, type ServiceInfo } from "./openapi.js";
import { type OperationOptions, operationDeclarations, operationRoutes } from "./operation-routes.js";
import { checkOperator } from "./operator-check.js";
import { noteProblem } from "./outcome.js";
import { problemMiddleware } from "./problem.js";
import { requestLog } from "./request-log.js";
import { allowedMethods, hasRoute } from "./routes.js";

export interface AppOptions extends Pick<OperationOptions, "obstacle"> {
  info: ServiceInfo;
  log: Logger;
  metrics: ServiceMetrics;
  access: Access;
  /** What answers that are not yet read are held against, with all else that requests hold. */
  inflight: Inflight;
  /** The service's own routes, as the document shows them, and the routers that serve them, mounted at the root. */
  routes: RouteDeclaration[];
  routers: Router[];
  /** The routers of the routes that are declared as `operator`. */
  operatorRouters?: Router[];
  /** What concerns operators is served by `admin`, and by `handle` no more. */
  separateAdmin?: boolean;
  /** Retry-After of what is refused while shutting down: how long a restart takes. */
  drainRetryAfterS?: number;
  /** Called when draining begins, for work that was taken but not begun: another instance may do it sooner. */
  onDrain?: () => void;
}

export interface ServiceApp {
  handle: Express;
  /** Health, readiness, metrics and operator routes, for a listener of their own. */
  admin: Express | undefined;
  /** The OpenAPI document of what `handle` serves. */
  document: OpenApiDocument;
  /** From now on `/readyz` says no, new work is refused, and answers ask clients to close their connections. */
  drain(): void;
}

/** Puts the application together. Work is what comes by POST; reading and cancelling stay possible until the end. */
export function createApp(options: AppOptions): ServiceApp {
  const { metrics, obstacle, inflight, routes, routers, operatorRouters = [], separateAdmin = false } = options;
  metrics.watchInflight(inflight);
  let drainingError: Draining | undefined;
  const draining = () => drainingError;

  const work = { routes: routes.filter(({ operator }) => !operator), routers, operators: [], draining };
  const operation = {
    routes: [...routes.filter(({ operator }) => operator), ...operationDeclarations],
    routers: [operationRoutes({ metrics, obstacle, draining }), ...operatorRouters],
    operators: operatorRouters,
    draining,
  };
  const all = {
    ...operation,
    routes: [...work.routes, ...operation.routes],
    routers: [...operation.routers, ...routers],
  };
  const { app: handle, document } = listenerApp(options, separateAdmin ? work : all);
  const admin = separateAdmin ? listenerApp(withoutCors(options), operation).app : undefined;

  const drain = () => {
    drainingError = new Draining(options.drainRetryAfterS ?? 5);
    options.onDrain?.();
  };
  return { handle, admin, document, drain };
}

/** Operators' listener has no cross-origin use. */
const withoutCors = (options: AppOptions): AppOptions => {
  return { ...options, access: { ...options.access, corsOrigins: [] } };
};

interface Served {
  routes: RouteDeclaration[];
  routers: Router[];
  /** Routers that act on the service itself. */
  operators: Router[];
  draining: () => Draining | undefined;
}

/** The application of one listener: what comes before its routes, the routes, what comes after. */
function listenerApp(
  { info, log, metrics, access, inflight }: AppOptions,
  { routes, routers, operators, draining }: Served,
): { app: Express; document: OpenApiDocument } {
  const document = openApiDocument(info, [...routes, ...documentDeclarations]);
  const isOperators = ({ path }: express.Request) => hasRoute(operators, path);
  const methodsOf = ({ path }: express.Request) => allowedMethods(app, path);

  const app = express();
  app
    .disable("x-powered-by")
    .disable("etag")
    .set("trust proxy", access.trustProxy ?? false);
  const trusts: Trusts = app.get("trust proxy fn");
  app.set("trust proxy", (address: string, hop: number) => trusts(withoutPort(address), hop));
  app.use(introduce, requestLog(log), metrics.measureRequests, holdAnswer(inflight), requireHost);
  app.use(checkHost(access.hosts ?? [], (req) => access.loopbackOnly === true || isOperators(req)));
  app.use(checkOperator(isOperators), cors({ origins: access.corsOrigins ?? [], methodsOf, except: isOperators }));
  app.use(answerOptions(methodsOf), refuseWhile(draining));
  app.use(documentRoutes(document), ...routers, refuseUnmatched(methodsOf), problemMiddleware(noteProblem));
  return { app, document };
}

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;

const HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
};

const introduce: RequestHandler = (req, res, next) => {
  const given = req.get("X-Request-Id") ?? "";
  res.set({ ...HEADERS, "X-Request-Id": REQUEST_ID.test(given) ? given : randomUUID() });
  next();
};

/** A client that is slow to read holds its answer in our memory: it counts, so that it keeps new requests out, not old ones in. */
const holdAnswer = ({ encoded }: Inflight): RequestHandler => {
  return (_req, res, next) => {
    res.once("prefinish", () => {
      const held = encoded.hold(res.writableLength);
      res.once("close", () => held.release());
    });
    next();
  };
};

/** Whether an address, `hop` hops away, is that of a trusted proxy. */
type Trusts = (address: string, hop: number) => boolean;

type MethodsOf = (req: express.Request) => string[];

const answerOptions = (methodsOf: MethodsOf): RequestHandler => {
  return (req, res, next) => {
    const allow = req.method === "OPTIONS" ? methodsOf(req) : [];
    if (allow.length === 0) return next();
    res.set("Allow", allow.join(", ")).status(204).end();
  };
};

const refuseWhile = (draining: () => Draining | undefined): RequestHandler => {
  return async (req, res, next) => {
    const refusal = draining();
    if (!refusal) return next();
    res.set("Connection", "close");
    if (req.method !== "POST") return next();
    await discardBody(req); // a connection that closes over unread bytes loses the answer
    throw refusal;
  };
};

const refuseUnmatched = (methodsOf: MethodsOf): RequestHandler => {
  return (req) => {
    const allow = methodsOf(req);
    if (allow.length === 0) throw new NotFound("There is no such route; GET /docs lists those there are");
    throw new MethodNotAllowed(`The method is not allowed here; allowed are ${allow.join(", ")}`, allow);
  };
};
