/** Servers on loopback, and the fetching of what they serve: for the tests of `net/`. */
import { createServer, Server as HttpServer, type RequestListener } from "node:http";
import { type AddressInfo, connect, type Server } from "node:net";
import { DEFAULT_SOURCE_POLICY, fetchSource, type SourceOptions, type SourcePolicy } from "@armature/net";
import { afterEach, expect } from "vitest";

const running: Server[] = [];

afterEach(() => {
  for (const server of running.splice(0)) {
    server.close();
    if (server instanceof HttpServer) server.closeAllConnections();
  }
});

/** An HTTP server, as `127.0.0.1:port`, and the paths that it was asked for. It ends with the test. */
export async function serve(answer: RequestListener): Promise<{ host: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((req, res) => {
    requests.push(req.url ?? "");
    answer(req, res);
  });
  return { host: await listen(server), requests };
}

/** Starts a server on a free port of 127.0.0.1 and gives `127.0.0.1:port`. It ends with the test. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  running.push(server);
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The default policy, but with every port, and `changes`. */
export function policy(changes: Partial<SourcePolicy> = {}): SourcePolicy {
  return { ...DEFAULT_SOURCE_POLICY, ports: undefined, ...changes };
}

/** What a fetch failed with, and the connections that it tried to open. Fails the test if it did not fail. */
export async function refused(
  url: string,
  options: Partial<SourceOptions> = {},
): Promise<{ error: Error; connections: unknown[] }> {
  const connections: unknown[] = [];
  const open: SourceOptions["open"] = (to) => {
    connections.push(to);
    return connect(to);
  };
  const error = await fetchSource(url, { policy: policy(), open, ...options }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(Error);
  return { error: error as Error, connections };
}
