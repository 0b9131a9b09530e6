import { connect } from "node:net";
import { inflight } from "@armature/core";
import { expect, test } from "vitest";
import { settled } from "../../testing/fake-clock.js";
import { startService, until } from "../../testing/http-service.js";
import { testJobs } from "../../testing/test-jobs.js";
import { createMetrics } from "./metrics.js";
import { createLogger } from "./request-log.js";

test("requests are measured by pattern, method and status; unknown paths share one label", async () => {
  const { url } = await startService((router) => router.get("/things/:id", (_req, res) => void res.json({})));
  for (const path of ["/things/1", "/things/2", "/a", "/b?c"]) await fetch(url + path);
  const text = await (await fetch(`${url}/metrics`)).text();
  expect(text).toContain('http_request_duration_seconds_count{route="/things/:id",method="GET",status="200"} 2');
  expect(text).toContain('http_request_duration_seconds_count{route="unmatched",method="GET",status="404"} 2');
  for (const name of ["process_resident_memory_bytes", "nodejs_eventloop_lag_p99_seconds"])
    expect(text).toContain(name);
});

test("a queue shows its depth as it is read, and what became of its jobs", async () => {
  const { registry, jobObserver, watchQueue } = createMetrics({ service: "test", version: "1", commit: "abc" });
  const { run, clock, snapshot } = testJobs({
    maxWaiting: 2,
    maxWaitingCost: 100,
    secondsPerCost: 2,
    observer: jobObserver("generate", createLogger({ level: "silent", service: "test", version: "1" })),
  });
  watchQueue("generate", snapshot);
  const work = () => new Promise<void>((end) => clock.after(6_000, end));
  for (let i = 0; i < 4; i++) run(`${i}`, { cost: 3, work });
  await settled();
  const busy = await registry.metrics();
  expect(busy).toContain('job_queue_depth{stage="generate"} 2');
  expect(busy).toContain('job_queue_cost{stage="generate"} 6');
  expect(busy).toContain('jobs_running{stage="generate"} 1');
  expect(busy).toContain('job_queue_estimated_wait_seconds{stage="generate"} 18');
  expect(busy).toContain('jobs_refused_total{stage="generate",code="queue-full"} 1');
  await clock.advance(18_000);
  const done = await registry.metrics();
  expect(done).toContain('job_queue_depth{stage="generate"} 0');
  expect(done).toContain('jobs_total{stage="generate",outcome="completed"} 3');
  expect(done).toContain('job_queue_wait_seconds_sum{stage="generate"} 18'); // 0 + 6 + 12
  expect(done).toContain('job_duration_seconds_sum{stage="generate",outcome="completed"} 18');
  expect(done).toContain('build_info{service="test",version="1",commit="abc"} 1');
});

test("a store that fails is counted and logged with its cause", async () => {
  const { registry, jobObserver } = createMetrics({ service: "test", version: "1" });
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = createLogger({ level: "error", service: "test", version: "1", destination });
  jobObserver("generate", log).storeFailed(new Error("the disk is full"));
  expect(await registry.metrics()).toContain('job_store_failures_total{stage="generate"} 1');
  expect(lines).toMatchObject([{ stage: "generate", err: { message: "the disk is full" } }]);
});

test("what requests hold is shown by the part of the budget, and an answer counts until it is read", async () => {
  const budget = inflight(400e6);
  budget.pixels.reserve(7e6);
  const { url, port } = await startService(
    (router) => router.get("/big", (_req, res) => void res.send(Buffer.alloc(20e6))),
    {
      app: { inflight: budget },
    },
  );
  const reader = connect(port, "127.0.0.1").pause();
  reader.write("GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  await until(() => budget.encoded.heldBytes > 10e6);
  const text = await (await fetch(`${url}/metrics`)).text();
  expect(text).toContain('inflight_bytes{part="pixels"} 7000000');
  expect(text).toMatch(/inflight_bytes\{part="encoded"\} [12]\d{7}\n/);
  expect(text).toContain('inflight_limit_bytes{part="encoded"} 100000000');
  reader.resume();
  await until(() => budget.encoded.heldBytes === 0);
});
