/** A real service on a free port with the routes that a test gives it, and raw sockets to talk to it. */
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ByteBudget, inflight } from "@armature/core";
import {
  type AppOptions,
  createApp,
  createLogger,
  createMetrics,
  type RunningServer,
  type ServerOptions,
  startServer,
} from "@armature/http";
import { Router } from "express";
import { afterEach } from "vitest";

export type LogLine = Record<string, unknown>;

interface TestService extends RunningServer {
  log: LogLine[];
}

const running: RunningServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.drain()));
});

/** Starts a service that the end of the test drains. `serve` adds the routes. */
export async function startService(
  serve: (router: Router) => void = () => {},
  { app = {}, server = {} }: { app?: Partial<AppOptions>; server?: Partial<ServerOptions> } = {},
): Promise<TestService> {
  const log: LogLine[] = [];
  const destination = { write: (line: string) => void log.push(JSON.parse(line)) };
  const router = Router();
  serve(router);
  const service = createApp({
    info: { title: "Test", version: "1.2.3", description: "A service of the `test`" },
    log: createLogger({ level: "debug", service: "test", version: "1.2.3", destination }),
    metrics: createMetrics({ service: "test", version: "1.2.3" }),
    access: {},
    inflight: inflight(512e6),
    routes: [],
    routers: [router],
    obstacle: () => undefined,
    ...app,
  });
  const started = await startServer(service, { host: "127.0.0.1", port: 0, drainTimeoutMs: 2_000, ...server });
  running.push(started);
  return { ...started, log };
}

/** A budget that bodies of tests find room in. */
export const roomyBudget = () => new ByteBudget({ what: "bodies", limitBytes: 200e6 });

/** Writes bytes to a fresh connection and returns all that comes back until the server closes it. */
export async function rawExchange(port: number, ...parts: (string | { waitMs: number } | "END")[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk)).on("error", () => {});
  // a server that closes over unread bytes resets the connection; `events.once` would throw then
  const closed = new Promise((resolve) => socket.once("close", resolve));
  for (const part of parts) {
    if (typeof part === "object") await delay(part.waitMs);
    else if (part === "END") socket.end();
    else socket.write(part);
  }
  await closed;
  return Buffer.concat(chunks).toString();
}

/** A busy machine may take so long for what an idle one does at once. */
const GIVE_UP_MS = 30_000;

/** Waits until `condition` holds; gives up after half a minute. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const startMs = performance.now(); performance.now() - startMs < GIVE_UP_MS; ) {
    if (await condition()) return;
    await delay(10);
  }
  throw new Error("The condition did not come true in half a minute");
}
