/** What a server does with clients that are slow, speak wrongly, or are too many. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { rawExchange, roomyBudget, startService, until } from "../../testing/http-service.js";
import { timed } from "../../testing/timed.js";
import { jsonBody } from "./body.js";

const GET = "GET /healthz HTTP/1.1\r\nHost: x\r\n";

/** How long to wait for what comes at once on an idle machine. */
const GIVE_UP_MS = 30_000;

describe("a client that is too slow is ended within the bound", () => {
  const server = { headersTimeoutMs: 300, requestTimeoutMs: 600, keepAliveTimeoutMs: 200, answerTimeoutMs: 300 };

  test.each([
    ["says nothing", []],
    ["stops amid its headers", [GET]],
    [
      "sends a header line now and then",
      [GET, "A: 1\r\n", { waitMs: 100 }, "B: 1\r\n", { waitMs: 100 }, "C: 1\r\n", { waitMs: 100 }, "D: 1\r\n"],
    ],
  ])("one that %s", async (_name, parts) => {
    const { port } = await startService(undefined, { server });
    const [answer, ms] = await timed(rawExchange(port, ...parts));
    expect(answer).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
    expect(answer).toContain('"code":"request-timeout"');
    expect(answer).toContain("Content-Type: application/problem+json");
    expect(ms).toBeGreaterThan(250);
    expect(ms).toBeLessThan(300 + 1_000 + 500); // the timeout, the linger, the check's interval
  });

  test("one that stops amid its body", async () => {
    const { port } = await startService(
      (router) => router.post("/work", jsonBody({ maxBytes: 100, budget: roomyBudget() }), (_req, res) => res.end()),
      { server },
    );
    const head = "POST /work HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    const [answer, ms] = await timed(rawExchange(port, head));
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(ms).toBeGreaterThan(550);
    expect(ms).toBeLessThan(2_100);
  });

  test("one that closes its half amid its body", async () => {
    const { port } = await startService(
      (router) => router.post("/work", jsonBody({ maxBytes: 100, budget: roomyBudget() }), (_req, res) => res.end()),
      { server },
    );
    const head = "POST /work HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    const [answer, ms] = await timed(rawExchange(port, head, "END"));
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(ms).toBeLessThan(300);
  });

  test("one that keeps an idle connection", async () => {
    const { port } = await startService(undefined, { server });
    const [answer, ms] = await timed(rawExchange(port, `${GET}\r\n`));
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(ms).toBeLessThan(1_700); // Node adds a second to the time that it tells the client
  });

  test("one that does not read its answer", async () => {
    let gone = false;
    const { port } = await startService(
      (router) => {
        router.get("/large", (_req, res) => {
          res.once("close", () => {
            gone = true;
          });
          res.send(Buffer.alloc(64_000_000));
        });
      },
      { server },
    );
    const socket = connect(port, "127.0.0.1");
    socket.write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.pause();
    const [, ms] = await timed(until(() => gone));
    expect(ms).toBeLessThan(1_500);
    socket.destroy();
  });

  test("but not one whose work takes long", async () => {
    const { url } = await startService(
      (router) => {
        router.get("/long", async (_req, res) => {
          await delay(900);
          res.end("done");
        });
      },
      { server },
    );
    expect(await (await fetch(`${url}/long`)).text()).toBe("done");
  });
});

test.each([
  ["no HTTP at all", "\x16\x03\x01\x00garbage\r\n\r\n", 400, "malformed-request"],
  ["a bad header", `${GET}bad header\r\n\r\n`, 400, "malformed-request"],
  ["two lengths", `${GET}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400, "malformed-request"],
  ["too long headers", `${GET}A: ${"x".repeat(20_000)}\r\n\r\n`, 431, "headers-too-large"],
])("%s is answered as a problem", async (_name, bytes, status, code) => {
  const { port } = await startService();
  const answer = await rawExchange(port, bytes);
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  const id = /X-Request-Id: (\S+)/.exec(head)?.[1];
  expect(JSON.parse(body)).toMatchObject({ status, code, request_id: id });
});

test("an unknown expectation is ignored, and 100-continue is answered", async () => {
  const { port } = await startService((router) =>
    router.post("/work", jsonBody({ maxBytes: 100, budget: roomyBudget() }), (_req, res) => void res.json(1)),
  );
  expect(await rawExchange(port, `${GET}Expect: miracles\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 200 /);
  const head = "POST /work HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n";
  const answer = await rawExchange(
    port,
    `${head}Expect: 100-continue\r\nConnection: close\r\n\r\n`,
    { waitMs: 50 },
    "[]",
  );
  expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
});

test("a connection beyond the greatest number is closed, the others are served", async () => {
  const { port, url } = await startService(undefined, { server: { maxConnections: 2 } });
  const held = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  await Promise.all(held.map((socket) => once(socket, "connect")));
  expect(await rawExchange(port, `${GET}\r\n`)).toBe("");
  held[0]?.destroy();
  const status = () =>
    fetch(`${url}/healthz`)
      .then((answer) => answer.status)
      .catch(() => "not served");
  await expect.poll(status, { timeout: GIVE_UP_MS }).toBe(200);
  held[1]?.destroy();
});

test("a port in use ends the start with Node's error", async () => {
  const { port } = await startService();
  await expect(startService(undefined, { server: { port } })).rejects.toMatchObject({ code: "EADDRINUSE" });
});
