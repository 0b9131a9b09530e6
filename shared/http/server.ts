/** Listens, ends clients that are too slow, and shuts down without cutting work short. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { AppError } from "@armature/core";
import type { ServiceApp } from "./app.js";
import { BodyTooLarge, HeadersTooLarge, MalformedRequest, RequestTimeout } from "./errors.js";
import { toProblem } from "./problem.js";

export interface ServerOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** From the connection, or the request before, until all headers have come. */
  headersTimeoutMs?: number;
  /** From the connection, or the request before, until the whole body has come. */
  requestTimeoutMs?: number;
  /** How long a connection may stay open between two requests. */
  keepAliveTimeoutMs?: number;
  /** From the end of the work until the client has taken the answer. */
  answerTimeoutMs?: number;
  /** Connections at once; a further one is closed. */
  maxConnections?: number;
  /** How long `drain` waits for running work before it cuts the connections. */
  drainTimeoutMs?: number;
}

export interface RunningServer {
  /** Where it listens, such as `http://127.0.0.1:1111`. */
  url: string;
  port: number;
  /** Refuses new work, lets running requests end, closes every connection, then resolves. A second call gets the same promise. */
  drain(): Promise<void>;
}

const DEFAULTS = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 10_000,
  answerTimeoutMs: 60_000,
  maxConnections: 512,
  drainTimeoutMs: 300_000,
};

/** Connections that are amid a request when everything else is done get this long. */
const LAST_WORDS_MS = 1_000;

/** A dead peer is found by the system's keep-alive packets, which begin after this time. */
const PROBE_AFTER_MS = 30_000;

/** Resolves when the server listens; throws Node's error if it cannot. */
export async function startServer(app: ServiceApp, options: ServerOptions): Promise<RunningServer> {
  const limits = { ...DEFAULTS, ...options };
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
  const running = new Set<ServerResponse>();
  server.on("request", (req, res) => {
    running.add(res);
    res.once("close", () => running.delete(res));
    endSlowReader(res, limits.answerTimeoutMs);
    app.handle(req, res);
  });
  server.on("checkExpectation", (req, res) => server.emit("request", req, res)); // RFC 9110 permits to ignore it
  server.on("clientError", answerMalformed);
  server.listen(limits.port, limits.host);
  await once(server, "listening");

  const { port, address, family } = server.address() as AddressInfo;
  let drained: Promise<void> | undefined;
  return {
    port,
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    drain: () => (drained ??= drainServer(server, app, [...running], limits.drainTimeoutMs)),
  };
}

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

/** The server goes on listening meanwhile, so that clients hear 503 and when to come back, rather than nothing. */
async function drainServer(
  server: Server,
  app: ServiceApp,
  running: ServerResponse[],
  timeoutMs: number,
): Promise<void> {
  app.drain();
  for (const res of running) res.shouldKeepAlive = false;
  const ended = Promise.all(running.map((res) => res.closed || once(res, "close")));
  await atMost(timeoutMs, ended);
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

/** What cannot be parsed as HTTP, or came too slowly, never reaches the app; it is answered here, in the same form. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  const answered = "_httpMessage" in socket && (socket._httpMessage as ServerResponse | null)?.headersSent;
  if (!socket.writable || answered) {
    socket.destroy();
    return;
  }
  const requestId = randomUUID();
  const { status, body } = toProblem(malformation(error.code), requestId);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(text)}`,
    `X-Request-Id: ${requestId}`,
    "X-Content-Type-Options: nosniff",
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`);
  setTimeout(() => socket.destroy(), LAST_WORDS_MS).unref();
}

function malformation(code: string | undefined): AppError {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new RequestTimeout("The request did not come in full within the time that is allowed");
    case "HPE_HEADER_OVERFLOW":
      return new HeadersTooLarge("The request's header lines are too long");
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new BodyTooLarge("The body's chunk extensions are too long");
    default:
      return new MalformedRequest(`This is not HTTP/1.1 as RFC 9112 has it${code ? ` (${code})` : ""}`);
  }
}
