/** What one client's slow pictures mean for the others, and what is left of clients that leave. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { GenerateResponse } from "@armature/diffusion/contract/index";
import { sharp } from "@armature/images";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type ServiceProcess, startService, startStack } from "../scripts/services.js";

/** How much later than usual another client's picture may begin. */
const LATER_MS = 200;

const TEXT_TO_IMAGE = { prompt: "a red cube", seed: 1, num_inference_steps: 2 };

let photos: string[];
beforeAll(async () => {
  photos = await Promise.all(Array.from({ length: 30 }, (_, i) => photo(i)));
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe("while a control image is being made, another client's text-to-image starts at once", () => {
  test.each([
    [
      "a preprocessor that hangs",
      { type: "depth", image: (host: string) => `http://${host}/photo` },
      "/image/depth_midas",
    ],
    ["a picture address that drips", { type: "depth", image: (host: string) => `http://${host}/drip` }, "/drip"],
  ])("%s", async (_, { type, image }, stuckAt) => {
    const asked: string[] = [];
    const left: string[] = [];
    const host = await serve((req, res) => {
      asked.push(req.url!);
      res.once("close", () => left.push(req.url!));
      if (req.url === "/photo") res.end(Buffer.from(photos[0]!, "base64"));
      if (req.url === "/drip") drip(res);
    });
    const diffusion = await start({ PREPROCESSOR_URLS: `http://${host}`, PRIVATE_SOURCES: host });
    await queueMs(diffusion); // loads the model
    const usual = await queueMs(diffusion);

    const client = new AbortController();
    const net = { type, image: image(host) };
    const slow = post(diffusion, { ...TEXT_TO_IMAGE, controlnets: [net] }, client.signal).catch(() => {});
    while (!asked.includes(stuckAt)) await delay(10);
    expect((await queueMs(diffusion)) - usual).toBeLessThan(LATER_MS);
    expect(await metric(diffusion, "job_queue_depth")).toBe(1);
    client.abort();
    await slow;
    await until(async () => left.includes(stuckAt) && (await metric(diffusion, "job_queue_depth")) === 0);
  });
});

describe("clients that leave", () => {
  const ROOM = { QUEUE_LIMIT: "40", QUEUE_LIMIT_PER_CLIENT: "40" };

  test("end the requests to the preprocessor", async () => {
    let open = 0;
    const host = await serve((_req, res) => {
      open++;
      res.once("close", () => open--);
    });
    const diffusion = await start({ ...ROOM, PREPROCESSOR_URLS: `http://${host}` });
    const leave = await comeAndWait(diffusion, () => open > 8);
    await leave();
    await until(async () => open === 0 && (await metric(diffusion, "job_queue_depth")) === 0);
    await delay(100);
    expect(open).toBe(0);
  });

  test("30 of them leave no annotation running", async () => {
    const stack = await startStack({ env: { LOG_LEVEL: "silent", ...ROOM } });
    closing.push(() => stack.stop());
    const busy = async () => (await metric(stack.preprocessor, "job_queue_depth")) > 8;
    const leave = await comeAndWait(stack.diffusion, busy);
    await leave();
    await until(async () => (await metric(stack.preprocessor, "job_queue_depth")) === 0);
    await until(async () => (await metric(stack.preprocessor, "jobs_running")) === 0);
    expect(await metric(stack.preprocessor, 'jobs_total{stage="preprocessor",outcome="completed"}')).toBeLessThan(15);
    expect(await metric(stack.diffusion, "jobs_running")).toBe(0);
    expect((await post(stack.diffusion, TEXT_TO_IMAGE)).status).toBe(200);
  });

  test("30 of them that come and leave within 2 s, with four control images each, leave nothing running", async () => {
    const stack = await startStack({ env: { LOG_LEVEL: "silent", ...ROOM } });
    closing.push(() => stack.stop());
    expect((await post(stack.diffusion, { ...TEXT_TO_IMAGE, controlnets: [net(await photo(99))] })).status).toBe(200);
    const before = await completed(stack.preprocessor);
    const pictures = await Promise.all(Array.from({ length: 120 }, (_, i) => photo(100 + i)));
    const clients = Array.from({ length: 30 }, async (_, i) => {
      const controlnets = pictures.slice(4 * i, 4 * i + 4).map(net);
      await delay((i % 10) * 100);
      const leave = AbortSignal.timeout(200 + (i % 7) * 120);
      await post(stack.diffusion, { ...TEXT_TO_IMAGE, controlnets }, leave).catch(() => {});
    });
    await Promise.all(clients);
    const atLeave = await completed(stack.preprocessor);
    for (const service of [stack.preprocessor, stack.diffusion]) {
      await until(
        async () => (await metric(service, "job_queue_depth")) + (await metric(service, "jobs_running")) === 0,
      );
      await until(async () => (await metric(service, 'inflight_bytes{part="pixels"}')) === 0);
    }
    expect(atLeave - before).toBeLessThan(120);
    expect((await completed(stack.preprocessor)) - atLeave).toBeLessThan(4); // what was in the engine, and before it
    expect((await post(stack.diffusion, TEXT_TO_IMAGE)).status).toBe(200);
  });

  test("but not a control image that another client waits for, too", async () => {
    let answer = () => {};
    let requests = 0;
    const host = await serve((_req, res) => {
      requests++;
      answer = () => void res.end(Buffer.from(photos[1]!, "base64"));
    });
    const diffusion = await start({ PREPROCESSOR_URLS: `http://${host}` });
    const body = { ...TEXT_TO_IMAGE, controlnets: [{ type: "depth", image: photos[0] }] };
    const client = new AbortController();
    const first = post(diffusion, body, client.signal).catch(() => {});
    const second = post(diffusion, body);
    await until(async () => (await metric(diffusion, "control_cache_hits_total")) === 1);
    client.abort();
    await first;
    await delay(100);
    answer();
    expect((await second).status).toBe(200);
    expect(requests).toBe(1);
  });
});

const net = (image: string) => ({ type: "depth", image });

const completed = (service: ServiceProcess) => metric(service, 'jobs_total{stage="preprocessor",outcome="completed"}');

/** 30 clients, each with a picture of its own, that wait until `begun`; gives what makes all of them leave. */
async function comeAndWait(diffusion: ServiceProcess, begun: () => boolean | Promise<boolean>) {
  const client = new AbortController();
  const waiting = photos.map((image) =>
    post(diffusion, { ...TEXT_TO_IMAGE, controlnets: [{ type: "depth", image }] }, client.signal).catch(() => {}),
  );
  await until(begun);
  return async () => {
    client.abort();
    await Promise.all(waiting);
  };
}

async function start(env: Record<string, string>): Promise<ServiceProcess> {
  const service = await startService("diffusion", { PORT: "0", LOG_LEVEL: "silent", ...env });
  closing.push(() => service.stop());
  return service;
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const drip: (res: Parameters<RequestListener>[1]) => void = (res) => {
  const timer = setInterval(() => res.write("x"), 100);
  res.once("close", () => clearInterval(timer));
};

function post({ url }: ServiceProcess, body: unknown, signal = AbortSignal.timeout(20_000)): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(`${url}/generate`, { method: "POST", headers, body: JSON.stringify(body), signal });
}

/** How long a picture waited for the engine. */
async function queueMs(diffusion: ServiceProcess): Promise<number> {
  const answer = (await (await post(diffusion, TEXT_TO_IMAGE)).json()) as GenerateResponse;
  return answer.timings.queue_ms;
}

async function metric({ url }: ServiceProcess, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(name));
  return Number(line?.split(" ").pop() ?? 0);
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 5_000; performance.now() < end; await delay(20)) if (await condition()) return;
  throw new Error("The condition did not come true in five seconds");
}

async function photo(i: number): Promise<string> {
  const background = { r: (8 * i) % 256, g: 255 - ((8 * i) % 256), b: i };
  const file = await sharp({ create: { width: 384, height: 384, channels: 3, background } })
    .png()
    .toBuffer();
  return file.toString("base64");
}
