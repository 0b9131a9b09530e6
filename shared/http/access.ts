/** What each client may do, as the operator has set it. */
import { isIP } from "node:net";

export interface Access {
  /** The service can be reached from its own machine alone; then every request's Host is checked, else that of operator routes. */
  loopbackOnly?: boolean;
  /** Names in a Host header that are this service's, in lower case; localhost and addresses always are. */
  hosts?: readonly string[];
  /** Origins whose pages may use the service from a browser; `*`: all. */
  corsOrigins?: readonly string[];
  /** Proxies that are believed about their clients: how many stand before the service, or their addresses and networks. */
  trustProxy?: number | string[];
}

/** Whether a server that listens on `host` can be reached from its own machine alone. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
