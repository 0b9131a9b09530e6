import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { sampleServices, treeBytes } from "./sample-services.js";

test("memory is that of the process and all its descendants, in whatever order they are listed, and of nobody else", () => {
  const processes = ` 30    20  400\n  1     0  100\n 10     1 1000\n 20    10   50\n 11     1 9000\n`;
  expect(treeBytes(processes, 10)).toBe((1000 + 50 + 400) * 1024);
  expect(treeBytes(processes, 30)).toBe(400 * 1024);
  expect(treeBytes(processes, 99)).toBe(0);
});

test("samples show the memory of a live process and the queue as its metrics tell it", async () => {
  const metrics = [
    'job_queue_depth{stage="diffusion"} 7',
    'jobs_total{stage="diffusion",outcome="cancelled"} 3',
    'jobs_total{stage="diffusion",outcome="completed"} 41',
  ].join("\n");
  let asked = 0;
  const server = createServer((_req, res) => {
    asked++;
    res.end(metrics);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sampling = sampleServices([{ name: "this", url, pid: process.pid }], 50);
  await vi.waitUntil(() => asked > 2, { timeout: 30_000 }); // a sample is whole when the next one begins
  const samples = (await sampling.stop()).this!;
  server.close();
  expect(samples.length).toBeGreaterThan(1);
  expect(samples[0]).toMatchObject({ waiting: 7, completed: 41 });
  expect(samples[0]!.memoryBytes).toBeGreaterThan(0.5 * process.memoryUsage.rss());
  expect(samples[1]!.atS).toBeGreaterThan(samples[0]!.atS);
});

test("a service that does not answer is left out, and does not end the sampling", async () => {
  const sampling = sampleServices([{ name: "gone", url: "http://127.0.0.1:1", pid: process.pid }], 20);
  await delay(200);
  expect(await sampling.stop()).toEqual({ gone: [] });
});
