/** Where an answer points to: redirects (RFC 9110, section 15.4) and links (RFC 8288), resolved against the URL that was asked. */
import { WeightsUnavailable } from "../weights-unavailable.js";
import { type HttpAnswer, headerValue } from "./exchange.js";

/** More than a renamed repository, a login page and a content network take together. */
export const MAX_REDIRECTS = 5;

/** Where a redirect leads; undefined for an answer that is none. Throws WeightsUnavailable if that is no address of the web. */
export function redirectTarget({ status, headers, url }: HttpAnswer): URL | undefined {
  const location = headerValue(headers, "location");
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  return resolved(location, url, "redirects to");
}

/** `Link: <address>; rel="next"`: the next page of a list; undefined after the last. Throws WeightsUnavailable. */
export function nextPage({ headers, url }: HttpAnswer): URL | undefined {
  const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(headerValue(headers, "link") ?? "")?.[1];
  return link === undefined ? undefined : resolved(link, url, "names as the next page");
}

function resolved(address: string, from: URL, verb: string): URL {
  const found = URL.canParse(address, from.href) ? new URL(address, from.href) : undefined;
  if (found && ["http:", "https:"].includes(found.protocol)) return found;
  const quoted = JSON.stringify(address.slice(0, MOST_QUOTED));
  throw new WeightsUnavailable("unexpected-answer", `${from.host} ${verb} ${quoted}, which is no address of the web`);
}

const MOST_QUOTED = 200;
