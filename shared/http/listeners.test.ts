/** Connections: a cap per address, and a listener of their own for operators. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Router } from "express";
import { afterEach, expect, test } from "vitest";
import { rawExchange, startService, until } from "../../testing/http-service.js";

const held: Socket[] = [];
afterEach(() => {
  for (const socket of held.splice(0)) socket.destroy();
});

/** Opens idle connections from an address of this machine. */
async function hold(port: number, count: number, localAddress: string): Promise<void> {
  const sockets = Array.from({ length: count }, () => connect({ port, host: "127.0.0.1", localAddress }));
  held.push(...sockets);
  await Promise.all(
    sockets.map((socket) =>
      once(
        socket.on("error", () => {}),
        "connect",
      ),
    ),
  );
}

const status = (url: string) =>
  fetch(url).then(
    (answer) => answer.status,
    () => "not served",
  );

const GET = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

const SMALL = { maxConnections: 8, maxConnectionsPerAddress: 4 };

test("an address that holds as many connections as it may is answered 429 by the limit's name, others are served", async () => {
  const { port, url } = await startService(undefined, { server: SMALL });
  await hold(port, 4, "127.0.0.2");
  const refused = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" }).setEncoding("utf8");
  const [answer] = (await once(refused, "data")) as [string];
  expect(answer).toMatch(/^HTTP\/1.1 429 Too Many Requests\r\nRetry-After: 5\r\n/);
  expect(answer).toContain("Your address holds 4 connections, as many as one address may");
  await once(refused, "close");
  await hold(port, 20, "127.0.0.2");
  expect(await status(`${url}/healthz`)).toBe(200);
  for (const socket of held.splice(0)) socket.destroy();
  await hold(port, 3, "127.0.0.2");
  await until(async () => (await rawExchange(port, GET)).startsWith("HTTP/1.1 200"));
});

test("a trusted proxy's address has no such limit", async () => {
  const server = { ...SMALL, maxConnections: 100 };
  const app = { access: { trustProxy: ["loopback"] } };
  const { port, url } = await startService(undefined, { server, app });
  await hold(port, 20, "127.0.0.1");
  expect(await status(`${url}/healthz`)).toBe(200);
});

test("operators have a listener of their own, which is there when the other is full", async () => {
  const operators = Router().post("/nets/:type/unload", (_req, res) => void res.json({}));
  const { port, url, adminUrl } = await startService(
    (router) => router.get("/work", (_req, res) => void res.json({})),
    {
      app: { separateAdmin: true, operatorRouters: [operators] },
      server: { ...SMALL, maxConnectionsPerAddress: 8 },
    },
  );
  const unload = (base: string) => fetch(`${base}/nets/depth/unload`, { method: "POST" }).then(({ status }) => status);
  expect([await status(`${url}/work`), await status(`${adminUrl}/work`)]).toEqual([200, 404]);
  expect([await unload(url), await unload(adminUrl!)]).toEqual([404, 200]);
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    expect([await status(url + path), await status(adminUrl + path)]).toEqual([404, 200]);
  }
  await hold(port, 9, "127.0.0.1");
  await until(async () => (await rawExchange(port, GET)) === "");
  expect(await status(`${adminUrl}/healthz`)).toBe(200);
});

test("pages of other origins read what the service does, and nothing of the operators' listener", async () => {
  const app = { separateAdmin: true, access: { corsOrigins: ["*"] } };
  const { url, adminUrl } = await startService(undefined, { app });
  const allowed = async (address: string) => {
    const answer = await fetch(address, { headers: { Origin: "https://app.example" } });
    return answer.headers.get("Access-Control-Allow-Origin");
  };
  expect(await allowed(`${url}/openapi.json`)).toBe("*");
  expect(await allowed(`${adminUrl}/metrics`)).toBeNull();
  expect(await allowed(`${adminUrl}/healthz`)).toBeNull();
});

test("both listeners drain, and a start that fails for one closes the other", async () => {
  const { url, adminUrl, drain, port } = await startService(undefined, { app: { separateAdmin: true } });
  await expect(
    startService(undefined, { app: { separateAdmin: true }, server: { adminPort: port } }),
  ).rejects.toMatchObject({ code: "EADDRINUSE" });
  await drain();
  expect([await status(`${url}/docs`), await status(`${adminUrl}/healthz`)]).toEqual(["not served", "not served"]);
});
