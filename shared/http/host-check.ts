/**
 * The Host header. A browser sends the name that its user's page was loaded from. If that name's owner lets it lead to this machine
 * (DNS rebinding), the page is same-origin with the service; only the name gives it away.
 */
import { isIP } from "node:net";
import type { Request, RequestHandler } from "express";
import { HostNotServed, MalformedRequest } from "./errors.js";

const HOST = /^(\[[\da-f:.]+\]|[^\s:@/?#\\[\],]+)(:\d*)?$/i;

/** RFC 9112, section 3.2: HTTP/1.1 wants one Host header that is an authority. Node would refuse some of it, but not in our form. */
export const requireHost: RequestHandler = (req, _res, next) => {
  const [host, ...further] = req.headersDistinct.host ?? [];
  if (further.length > 0) throw new MalformedRequest("There may be one Host header; this request has several");
  if (!host && req.httpVersion === "1.1") throw new MalformedRequest("HTTP/1.1 wants a Host header");
  if (host && !HOST.test(host)) throw new MalformedRequest("The Host header wants a name or an address, and a port");
  next();
};

/**
 * Express middleware: where `applies`, refuses names that are not among `names`, nor localhost, nor an address. The name that a trusted proxy
 * forwards has to be one, too; alone it would not do, since a page that reaches the service without the proxy may send that header.
 */
export function checkHost(names: readonly string[], applies: (req: Request) => boolean): RequestHandler {
  return (req, _res, next) => {
    const called = [req.headers.host?.replace(/:\d*$/, ""), req.hostname].filter((name) => name !== undefined);
    if (!applies(req) || called.every((name) => isOwnName(name, names))) return next();
    throw new HostNotServed(
      "The Host header names another host than this service; its operator lists its names in HOSTS",
    );
  };
}

function isOwnName(hostname: string, names: readonly string[]): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  if (name === "localhost" || name.endsWith(".localhost") || names.includes(name)) return true;
  return isIP(name.replace(/^\[|\]$/g, "")) > 0;
}
