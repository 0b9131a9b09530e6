/** How a server ends: it refuses new work, lets running work end, and its process exits. */
import { EventEmitter, once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import { describe, expect, test, vi } from "vitest";
import { startService, until } from "../../testing/http-service.js";
import { timed } from "../../testing/timed.js";
import { closed } from "./closed.js";
import { onTermination } from "./server.js";

const GET = "GET /healthz HTTP/1.1\r\nHost: x\r\n";

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
