/** A service in a container of its built image, spoken with over HTTP as anybody would. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerEngine, RunOptions } from "./container-engine.js";

const POLL_MS = 20;

export interface ServiceContainer {
  url: string;
  /** Milliseconds from the start of the container until the route answered 200. */
  until(route: "/healthz" | "/readyz", timeoutMs: number): Promise<number>;
  /** SIGTERM; gives the exit code of the service. */
  stop(): Promise<number | null>;
}

/** Starts `image` on a free port. Its log goes to standard error if `verbose`. */
export async function startContainer(
  engine: Pick<ContainerEngine, "container">,
  image: string,
  options: RunOptions,
  verbose = false,
): Promise<ServiceContainer> {
  const port = await freePort();
  const command = engine.container(image, { ...options, env: { ...options.env, PORT: String(port) } });
  const start = performance.now();
  const child = spawn(command.program, command.args, {
    stdio: ["ignore", verbose ? process.stderr : "ignore", "inherit"],
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    async until(route, timeoutMs) {
      while (!(await answers(`${url}${route}`))) {
        if (child.exitCode !== null) throw new Error(`${image}: ended with exit code ${child.exitCode}`);
        if (performance.now() - start > timeoutMs) throw new Error(`${image}: ${route} not there in ${timeoutMs} ms`);
        await sleep(POLL_MS);
      }
      return performance.now() - start;
    },
    async stop() {
      const code = await ended(child, () => child.kill("SIGTERM"));
      command.release();
      return code;
    },
  };
}

/** Runs a command of `image` to its end; gives its exit code. */
export async function runInContainer(
  engine: Pick<ContainerEngine, "container">,
  image: string,
  options: RunOptions,
): Promise<number | null> {
  const command = engine.container(image, options);
  const child = spawn(command.program, command.args, { stdio: ["ignore", "ignore", "inherit"] });
  const code = await ended(child);
  command.release();
  return code;
}

async function ended(child: ChildProcess, act = () => {}): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, "exit");
  act();
  return ((await exit) as [number | null])[0];
}

async function answers(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
