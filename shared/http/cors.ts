/** Cross-origin use by pages in browsers: Fetch Standard, section 3.3. Off unless the operator names origins; never with cookies. */
import type { Request, RequestHandler } from "express";

/** What a page may read of an answer beside the headers that it always may. */
const EXPOSED = "Retry-After, X-Inference-Time, X-Request-Id, X-Request-Time, X-Seed";

/** How long a browser keeps what a preflight said. */
const MAX_AGE_S = 600;

interface CorsOptions {
  /** Origins that may use the service, such as `https://app.example`; `*`: all. */
  origins: readonly string[];
  /** The methods that a path answers. */
  methodsOf(req: Request): string[];
  /** True for requests that have no cross-origin use. */
  except(req: Request): boolean;
}

/** Express middleware: sets the headers. It answers nothing itself, so that a preflight ends as any OPTIONS request does. */
export function cors({ origins, methodsOf, except }: CorsOptions): RequestHandler {
  const any = origins.includes("*");
  return (req, res, next) => {
    if (origins.length === 0 || except(req)) return next();
    const origin = req.get("Origin");
    if (!any) res.vary("Origin");
    if (origin === undefined || !(any || origins.includes(origin))) return next();
    res.set({ "Access-Control-Allow-Origin": any ? "*" : origin, "Access-Control-Expose-Headers": EXPOSED });
    if (req.method === "OPTIONS" && req.get("Access-Control-Request-Method")) {
      const asked = req.get("Access-Control-Request-Headers");
      res.vary("Access-Control-Request-Headers").set({
        "Access-Control-Allow-Methods": methodsOf(req).join(", "),
        "Access-Control-Max-Age": String(MAX_AGE_S),
        ...(asked && { "Access-Control-Allow-Headers": asked }),
      });
    }
    next();
  };
}
