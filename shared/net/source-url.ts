/** What a URL that a client names must look like before anything is resolved or connected. */
import { SourceForbidden } from "./errors.js";

/** Presigned URLs have one or two thousand characters. */
const MAX_URL_LENGTH = 8192;

export interface UrlRules {
  /** Ports that may be used; undefined: all. */
  ports: number[] | undefined;
  /**
   * Hosts of the operator's own that may have private addresses, as `host` (on the ports above) or `host:port` (on that one).
   * A metadata service is reachable only if it is named here.
   */
  privateHosts: string[];
}

/** A URL that keeps the rules. `hostname` has no brackets and no trailing dot, so that it can be resolved or is an address. */
export interface SourceUrl {
  url: URL;
  hostname: string;
  port: number;
  /** Whether the operator named this host, so that its addresses need not be public. */
  mayBePrivate: boolean;
}

/**
 * Checks the text of a URL. The WHATWG parser has already turned `0x7f.1`, `2130706433`, `%6c` and full-width digits into
 * what they stand for. Throws SourceForbidden, quoting the host alone: paths and queries may hold secrets.
 */
export function sourceUrl(text: string, rules: UrlRules): SourceUrl {
  const url = parsed(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new SourceForbidden(`A picture's URL must begin with http:// or https://, not ${url.protocol.slice(0, 20)}`);
  }
  if (url.username || url.password) throw new SourceForbidden("A picture's URL must not hold a user name or password");

  url.hostname = url.hostname.replace(/\.$/, ""); // a fully qualified name's dot has no place in certificates
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const { ports, privateHosts } = rules;
  const withPort = privateHosts.includes(`${url.hostname}:${port}`);
  if (!withPort && ports && !ports.includes(port)) {
    throw new SourceForbidden(`Port ${port} is not permitted for a picture's URL; ${ports.join(", ")} are`);
  }
  return { url, hostname, port, mayBePrivate: withPort || privateHosts.includes(url.hostname) };
}

function parsed(text: string): URL {
  if (text.length > MAX_URL_LENGTH)
    throw new SourceForbidden(`A picture's URL may have at most ${MAX_URL_LENGTH} characters`);
  // The parser would drop tabs and line breaks and turn backslashes: an honest client writes none.
  if (/[\s\\\p{Cc}]/u.test(text) || !URL.canParse(text)) {
    throw new SourceForbidden("This is not a valid URL of a picture; send an http:// or https:// URL, or base64");
  }
  return new URL(text);
}
