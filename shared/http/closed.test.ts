/** What a client that leaves, or that comes when the queue is full, means to the jobs behind a route. */
import { once } from "node:events";
import { systemClock } from "@armature/core";
import { expect, test } from "vitest";
import { rawExchange, startService, until } from "../../testing/http-service.js";
import { testJobs } from "../../testing/test-jobs.js";
import { closed } from "./closed.js";

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
