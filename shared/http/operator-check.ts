/** Operator routes act on the service itself, so a page of another site must not reach them by its visitor's browser. */
import type { Request, RequestHandler } from "express";
import { ForeignOrigin, UnsupportedMediaType } from "./errors.js";

/** Express middleware: where `applies`, refuses what comes from another site's page, and bodies that a form could send. */
export function checkOperator(applies: (req: Request) => boolean): RequestHandler {
  return (req, _res, next) => {
    if (applies(req)) {
      requireOwnPage(req);
      requireJson(req);
    }
    next();
  };
}

/** Programs send neither header; browsers send Sec-Fetch-Site with every request and Origin with every POST. */
function requireOwnPage(req: Request): void {
  const site = req.get("Sec-Fetch-Site") ?? "none";
  const origin = req.get("Origin");
  if ((site === "same-origin" || site === "none") && (origin === undefined || isOrigin(origin, req.host))) return;
  throw new ForeignOrigin("An operator route takes no request from a page of another site");
}

function requireJson(req: Request): void {
  const hasBody = req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;
  if (!hasBody || req.is("application/json")) return;
  throw new UnsupportedMediaType("An operator route takes a body with Content-Type: application/json, or none");
}

/** The scheme is left out: behind a proxy that ends TLS it is another one. */
function isOrigin(origin: string, host: string | undefined): boolean {
  if (!URL.canParse(origin)) return false; // "null": a sandboxed page, or a file
  const { protocol, host: own } = new URL(origin);
  const called = `${protocol}//${host}`;
  return URL.canParse(called) && new URL(called).host === own;
}
