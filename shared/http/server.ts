/** Listens, ends clients that are too slow, and shuts down without cutting work short. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Express } from "express";
import type { ServiceApp } from "./app.js";
import { capConnections } from "./connection-cap.js";
import { oneAtATime } from "./one-at-a-time.js";
import { answerMalformed, refuseConnection, refuseTunnel } from "./socket-answer.js";

export interface ServerOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Port of the application's `admin`, where it has one; 0 picks a free one. */
  adminPort?: number | undefined;
  /** Milliseconds from the connection, or the request before, until all headers have come. */
  headersTimeoutMs?: number;
  /** Milliseconds from the connection, or the request before, until the whole body has come. */
  requestTimeoutMs?: number;
  /** How long a connection may stay open between two requests. */
  keepAliveTimeoutMs?: number;
  /** Milliseconds from the end of the work until the client has taken the answer. */
  answerTimeoutMs?: number;
  /** Connections of a port at once; a further one is closed. */
  maxConnections?: number;
  /** Connections of one client address; a further one is answered 429. Addresses of trusted proxies have no such limit. */
  maxConnectionsPerAddress?: number;
  /** How long `drain` waits for running work before it cuts the connections. */
  drainTimeoutMs?: number;
}

export interface RunningServer {
  /** Address that the server listens on, such as `http://127.0.0.1:1111`. */
  url: string;
  port: number;
  /** Address of the application's `admin`. */
  adminUrl: string | undefined;
  /** Refuses new work, lets running requests end, closes every connection, then resolves. A second call gets the same promise. */
  drain(): Promise<void>;
}

const DEFAULTS = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 10_000,
  answerTimeoutMs: 60_000,
  maxConnections: 1_024,
  maxConnectionsPerAddress: 128,
  drainTimeoutMs: 300_000,
};

type Limits = ServerOptions & typeof DEFAULTS;

/** Connections that are amid a request when everything else is done get this long. */
const LAST_WORDS_MS = 1_000;

/** A dead peer is found by the system's keep-alive packets, which begin after this time. */
const PROBE_AFTER_MS = 30_000;

/** Resolves when the server listens; throws Node's error if it cannot. */
export async function startServer(app: ServiceApp, options: ServerOptions): Promise<RunningServer> {
  const limits = { ...DEFAULTS, ...options };
  const work = await listen(app.handle, limits.port, limits);
  const admin = app.admin && (await listen(app.admin, limits.adminPort ?? 0, limits).catch(closing(work)));
  let drained: Promise<void> | undefined;
  return {
    port: work.port,
    url: work.url,
    adminUrl: admin?.url,
    drain: () => (drained ??= drainAll(app, [work, ...(admin ? [admin] : [])], limits.drainTimeoutMs)),
  };
}

interface Listener {
  server: Server;
  url: string;
  port: number;
  /** Answers that are under way. */
  running: Set<ServerResponse>;
}

async function listen(handle: Express, wantedPort: number, limits: Limits): Promise<Listener> {
  const server = createServer({
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.max(50, Math.min(1_000, limits.headersTimeoutMs / 4)),
    requireHostHeader: false, // the app does that, in the form of its other answers
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER_MS,
  });
  server.maxConnections = limits.maxConnections;
  const trusts: (address: string, hop: number) => boolean = handle.get("trust proxy fn");
  const isRefused = capConnections(server, {
    maxPerAddress: limits.maxConnectionsPerAddress,
    exempt: (address) => trusts(address, 0),
    refuse: refuseConnection(limits.maxConnectionsPerAddress),
  });
  const running = new Set<ServerResponse>();
  const answer = oneAtATime((req, res) => {
    running.add(res);
    res.once("close", () => running.delete(res));
    endSlowReader(res, limits.answerTimeoutMs);
    handle(req, res);
  });
  server.on("request", (req, res) => (isRefused(req.socket) ? res.destroy() : answer(req, res)));
  server.on("checkExpectation", (req, res) => server.emit("request", req, res)); // RFC 9110 permits to ignore it
  server.on("clientError", answerMalformed);
  server.on("connect", refuseTunnel);
  await listenOn(server, wantedPort, limits.host);
  const { port, address, family } = server.address() as AddressInfo;
  return { server, port, url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`, running };
}

/** Errors of a kernel without IPv6. */
const NO_IPV6 = ["EAFNOSUPPORT", "EADDRNOTAVAIL"];

/** `::` means all addresses: those of IPv4 where the kernel knows no others. */
async function listenOn(server: Server, port: number, host: string): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    if (host !== "::" || !NO_IPV6.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    await listenOn(server, port, "0.0.0.0");
  }
}

/** A start that fails leaves nothing behind that listens. */
const closing = ({ server }: Listener) => {
  return (error: unknown): never => {
    server.close();
    throw error;
  };
};

/**
 * On the first SIGTERM or SIGINT drains and exits with 0 (1 if that failed); a second signal exits at once,
 * with 128 and the signal's number as shells have it.
 */
export function onTermination(drain: () => Promise<void>, host: Pick<NodeJS.Process, "on" | "exit"> = process): void {
  let draining = false;
  const stop = (_signal: NodeJS.Signals, number: number) => {
    if (draining) host.exit(128 + number);
    draining = true;
    drain().then(
      () => host.exit(0),
      () => host.exit(1),
    );
  };
  host.on("SIGTERM", stop).on("SIGINT", stop);
}

/** The servers go on listening meanwhile, so that clients hear 503 and when to come back, rather than nothing. */
async function drainAll(app: ServiceApp, listeners: Listener[], timeoutMs: number): Promise<void> {
  app.drain();
  const running = listeners.flatMap((listener) => [...listener.running]);
  for (const res of running) res.shouldKeepAlive = false;
  const ended = Promise.all(running.map((res) => res.closed || once(res, "close")));
  await atMost(timeoutMs, ended);
  await Promise.all(listeners.map(({ server }) => close(server)));
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close(); // closes idle connections, too
  await atMost(LAST_WORDS_MS, closed);
  server.closeAllConnections();
  await closed;
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, delay(ms, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}

/** A client that does not read holds the whole answer in our memory. */
function endSlowReader(res: ServerResponse, timeoutMs: number): void {
  res.once("prefinish", () => {
    const timer = setTimeout(() => res.destroy(), timeoutMs).unref();
    res.once("close", () => clearTimeout(timer));
  });
}
