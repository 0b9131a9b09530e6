import { QueueFull } from "@armature/jobs";
import { expect, test } from "vitest";
import { startService, until } from "../../testing/http-service.js";
import { addLogFields, createLogger } from "./request-log.js";

test("a finished request is one line: its route's pattern, never its path, query or body", async () => {
  const { url, log } = await startService((router) => {
    router.post("/things/:id", (_req, res) => {
      addLogFields(res, { queueMs: 12, steps: 20 });
      addLogFields(res, { seed: 7 });
      res.json({});
    });
  });
  await fetch(`${url}/things/castle?prompt=castle`, {
    method: "POST",
    body: "castle",
    headers: { "X-Request-Id": "r1" },
  });
  await until(() => log.length > 0);
  expect(log).toEqual([
    {
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      service: "test",
      version: "1.2.3",
      requestId: "r1",
      method: "POST",
      route: "/things/:id",
      status: 200,
      durationMs: expect.any(Number),
      queueMs: 12,
      steps: 20,
      seed: 7,
      msg: "request",
    },
  ]);
});

test("a refused request is a warning with its code and without its detail", async () => {
  const { url, log } = await startService((router) => {
    router.get("/full", () => {
      throw new QueueFull(3);
    });
  });
  await fetch(`${url}/full`);
  await fetch(`${url}/nowhere/castle`);
  await until(() => log.length > 1);
  expect(log[0]).toMatchObject({ level: "warn", route: "/full", status: 429, code: "queue-full" });
  expect(log[1]).toMatchObject({ level: "warn", route: "unmatched", status: 404, code: "not-found" });
  expect(JSON.stringify(log)).not.toMatch(/castle|retry in/);
});

test("polled paths are for debugging only", async () => {
  const { url, log } = await startService(undefined, { app: { obstacle: () => ({ reason: "loading" }) } });
  for (const path of ["/healthz", "/readyz", "/metrics"]) await fetch(url + path);
  await until(() => log.length > 2);
  expect(log.map(({ level, status }) => [level, status])).toEqual([
    ["debug", 200],
    ["debug", 503],
    ["debug", 200],
  ]);
});

test("private words and secrets are blanked wherever they are logged, and the level is kept", () => {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    service: "s",
    version: "1",
    destination: { write: (line) => void lines.push(line) },
  });
  log.debug("not this");
  log.info({ prompt: "castle", request: { image: "castle", headers: { authorization: "castle" } }, steps: 5 }, "sent");
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain("castle");
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: "info", prompt: "[redacted]", steps: 5 });
});
