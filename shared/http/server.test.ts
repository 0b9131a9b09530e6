import { EventEmitter, once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "@armature/core";
import { Agent, request } from "undici";
import { describe, expect, test, vi } from "vitest";
import { rawExchange, roomyBudget, startService, until } from "../../testing/http-service.js";
import { testJobs } from "../../testing/test-jobs.js";
import { jsonBody } from "./body.js";
import { closed } from "./closed.js";
import { onTermination } from "./server.js";

const GET = "GET /healthz HTTP/1.1\r\nHost: x\r\n";

/** For what comes at once on an idle machine. */
const GIVE_UP_MS = 30_000;

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const startMs = performance.now();
  return [await work, performance.now() - startMs];
}

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

test("a client that goes away aborts its job, running or waiting", async () => {
  const { run, snapshot } = testJobs();
  const ended: string[] = [];
  const { url } = await startService((router) => {
    router.post("/work/:name", async (req, res) => {
      const { name } = req.params;
      await run(name, {
        signal: closed(res),
        async work(signal) {
          if (!signal.aborted) await once(signal, "abort");
          ended.push(name);
        },
      });
      res.end();
    });
  });
  const clients = ["running", "waiting"].map((name) => {
    const controller = new AbortController();
    const gone = fetch(`${url}/work/${name}`, { method: "POST", signal: controller.signal }).catch(() => {});
    return { controller, gone };
  });
  await until(async () => (await snapshot()).waiting === 1);
  clients[1]?.controller.abort();
  await until(async () => (await snapshot()).waiting === 0);
  expect((await snapshot()).running).toBe(1);
  clients[0]?.controller.abort();
  await until(async () => (await snapshot()).running === 0);
  expect(ended).toEqual(["running"]);
});

test("the signal of an answered request is never aborted", async () => {
  let signal: AbortSignal | undefined;
  const { port } = await startService((router) => {
    router.get("/quick", (_req, res) => {
      signal = closed(res);
      res.end("done");
    });
  });
  await rawExchange(port, "GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  expect(signal?.aborted).toBe(false);
});

test("a full queue answers 429 and says when to retry", async () => {
  const { run, snapshot } = testJobs({ maxWaiting: 1, secondsPerCost: 2.2, clock: systemClock });
  const { url } = await startService((router) => {
    router.post("/work", async (_req, res) => {
      await run("work", { cost: 5, signal: closed(res), work: (signal) => once(signal, "abort") });
    });
  });
  const controller = new AbortController();
  const post = () => fetch(`${url}/work`, { method: "POST", signal: controller.signal });
  const held = [post().catch(() => {}), post().catch(() => {})];
  await until(async () => (await snapshot()).waiting === 1);
  const refused = await post();
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("Retry-After"))).toBeOneOf([21, 22]); // 2 jobs of 11 s, one of them begun
  expect(await refused.json()).toMatchObject({ code: "queue-full", title: "Too busy" });
  controller.abort();
  await Promise.all(held);
});

describe("draining", () => {
  async function drainingService() {
    const work = new EventEmitter();
    const service = await startService((router) => {
      router.post("/work", async (_req, res) => {
        work.emit("started");
        await once(work, "finish");
        res.json({ done: true });
      });
      router.get("/list", (_req, res) => void res.json([]));
    });
    const started = once(work, "started");
    const answer = fetch(`${service.url}/work`, { method: "POST" });
    await started;
    return { ...service, work, answer };
  }

  test("refuses new work at once, also on open and on new connections, and lets running work end", async () => {
    const { url, work, answer, drain } = await drainingService();
    const keptAlive = new Agent({ connections: 1 });
    await (await request(`${url}/healthz`, { dispatcher: keptAlive })).body.dump();
    let drained = false;
    const draining = drain().then(() => {
      drained = true;
    });
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { code: "draining" }]);
    for (const dispatcher of [keptAlive, new Agent()]) {
      const refused = await request(`${url}/work`, { method: "POST", body: "x".repeat(100_000), dispatcher });
      expect(refused.statusCode).toBe(503);
      expect(refused.headers).toMatchObject({ "retry-after": "5", connection: "close" });
      expect(await refused.body.json()).toMatchObject({ code: "draining" });
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const list = await request(`${url}/list`);
    expect([list.statusCode, list.headers.connection]).toEqual([200, "close"]);
    await list.body.dump();
    expect(drained).toBe(false);

    work.emit("finish");
    const last = await answer;
    expect([last.status, last.headers.get("Connection"), await last.json()]).toEqual([200, "close", { done: true }]);
    await draining;
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  test("hears a refused client out before it answers, for closing over unread bytes would lose the answer", async () => {
    const { port, work, drain } = await drainingService();
    const draining = drain();
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.write("POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nha");
    await delay(100);
    expect(answer).toBe("");
    socket.write("lf");
    await once(socket, "close");
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
    work.emit("finish");
    await draining;
  });

  test("closes idle and half-sent connections and is done soon if nothing runs", async () => {
    const { port, drain } = await startService();
    const idle = connect(port, "127.0.0.1");
    idle.write(`${GET}\r\n`);
    await once(idle, "data");
    const halfSent = connect(port, "127.0.0.1");
    halfSent.write(GET);
    const bothClosed = Promise.all([once(idle, "close"), once(halfSent, "close")]);
    await delay(20);
    const [, ms] = await timed(drain());
    await bothClosed;
    expect(ms).toBeLessThan(1_300);
    expect((await timed((await startService()).drain()))[1]).toBeLessThan(100);
  });

  test("cuts work that does not end within the bound", async () => {
    let [arrived, aborted] = [false, false];
    const { url, drain } = await startService(
      (router) => {
        router.post("/stuck", async (_req, res) => {
          arrived = true;
          await once(closed(res), "abort");
          aborted = true;
        });
      },
      { server: { drainTimeoutMs: 200 } },
    );
    const answer = fetch(`${url}/stuck`, { method: "POST" });
    answer.catch(() => {});
    await until(() => arrived);
    const [, ms] = await timed(drain());
    expect(ms).toBeLessThan(1_800);
    await expect(answer).rejects.toThrow();
    await until(() => aborted);
  });
});

describe("a signal to end", () => {
  function host() {
    const emitter = new EventEmitter();
    const exit = vi.fn();
    const on = emitter.on.bind(emitter);
    return { emitter, exit, process: { on, exit } as unknown as Pick<NodeJS.Process, "on" | "exit"> };
  }

  test("drains, then exits with 0", async () => {
    const { emitter, exit, process } = host();
    let finish = () => {};
    const drain = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
    onTermination(drain, process);
    emitter.emit("SIGTERM", "SIGTERM", 15);
    await delay(10);
    expect([drain.mock.calls.length, exit.mock.calls.length]).toEqual([1, 0]);
    finish();
    await delay(10);
    expect(exit.mock.calls).toEqual([[0]]);
  });

  test("exits at once the second time", () => {
    const { emitter, exit, process } = host();
    const drain = vi.fn(() => new Promise<void>(() => {}));
    onTermination(drain, process);
    emitter.emit("SIGINT", "SIGINT", 2);
    emitter.emit("SIGINT", "SIGINT", 2);
    expect(exit.mock.calls).toEqual([[130]]);
  });

  test("exits with 1 if draining fails", async () => {
    const { emitter, exit, process } = host();
    onTermination(() => Promise.reject(new Error("no")), process);
    emitter.emit("SIGTERM", "SIGTERM", 15);
    await delay(10);
    expect(exit.mock.calls).toEqual([[1]]);
  });
});
