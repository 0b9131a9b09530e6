/** What operators, other sites' pages and clients behind a proxy may do on a real service. */
import { readFileSync } from "node:fs";
import { request } from "undici";
import { afterEach, describe, expect, test } from "vitest";
import { type ServiceName, type ServiceProcess, startService } from "../scripts/services.js";
import { until } from "../testing/http-service.js";

const running: ServiceProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
});

async function start(name: ServiceName, env: Record<string, string> = {}): Promise<ServiceProcess> {
  const service = await startService(name, { PORT: "0", LOG_LEVEL: "silent", ...env });
  running.push(service);
  return service;
}

type Ask = { method?: "GET" | "POST" | "OPTIONS"; headers?: Record<string, string>; body?: string | Buffer };

/** Status and problem's code. */
async function ask(url: string, { method = "GET", headers = {}, body }: Ask = {}) {
  const answer = await request(url, { method, headers, body: body ?? null });
  const text = await answer.body.text();
  const code = /^\{"type".*"code":"([\w-]+)"/.exec(text)?.[1];
  return { status: answer.statusCode, code, text, headers: answer.headers };
}

const FORM = { Origin: "https://evil.example", "Content-Type": "application/x-www-form-urlencoded" };

describe("operator routes of the diffusion service", () => {
  test("are shut to a form on another site's page, and to its page under a rebound name", async () => {
    const { url } = await start("diffusion", { HOST: "0.0.0.0" });
    const local = url.replace("0.0.0.0", "127.0.0.1");
    const unload = (headers: Record<string, string>) =>
      ask(`${local}/controlnets/depth/unload`, { method: "POST", headers });
    expect(await unload(FORM)).toMatchObject({ status: 403, code: "foreign-origin" });
    const rebound = { Host: "evil.example", Origin: "http://evil.example", "Sec-Fetch-Site": "same-origin" };
    expect(await unload(rebound)).toMatchObject({ status: 421, code: "host-not-served" });
    expect(await unload({})).toMatchObject({ status: 200 });
    expect(await ask(`${local}/models`, { headers: { Host: "evil.example" } })).toMatchObject({ status: 200 });
  });

  test("have a port of their own with ADMIN_PORT, with health, readiness and metrics", async () => {
    const { url, adminUrl } = await start("diffusion", { ADMIN_PORT: "0" });
    for (const path of ["/healthz", "/readyz", "/metrics"]) {
      await until(async () => (await ask(adminUrl + path)).status === 200); // not ready at first
      expect([path, (await ask(url + path)).status]).toEqual([path, 404]);
    }
    const unload = (base: string) => ask(`${base}/controlnets/depth/unload`, { method: "POST" });
    expect([(await unload(url)).status, (await unload(adminUrl!)).status]).toEqual([404, 200]);
    expect([(await ask(`${url}/models`)).status, (await ask(`${adminUrl}/models`)).status]).toEqual([200, 404]);
    const paths = async (base: string) => Object.keys(JSON.parse((await ask(`${base}/openapi.json`)).text).paths);
    expect(await paths(url)).not.toContain("/metrics");
    expect(await paths(adminUrl!)).toContain("/controlnets/{type}/unload");
  });
});

test("a service on loopback answers to its own names alone, on every route", async () => {
  const { url } = await start("preprocessor", { HOSTS: "control.example" });
  const as = async (host: string) => (await ask(`${url}/processors`, { headers: { Host: host } })).status;
  expect([await as("evil.example"), await as("control.example"), await as("localhost:2222")]).toEqual([421, 200, 200]);
});

test("CORS_ORIGINS lets a page use the preprocessor, and read its answer", async () => {
  const { url } = await start("preprocessor", { CORS_ORIGINS: "https://app.example" });
  const headers = { Origin: "https://app.example", "Content-Type": "image/png" };
  const preflight = await ask(`${url}/image/canny`, {
    method: "OPTIONS",
    headers: { Origin: headers.Origin, "Access-Control-Request-Method": "POST" },
  });
  expect(preflight.headers).toMatchObject({ "access-control-allow-methods": "OPTIONS, POST" });
  const body = readFileSync(new URL("../fixtures/images/coffee.png", import.meta.url));
  const answer = await ask(`${url}/image/canny`, { method: "POST", headers, body });
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({ "access-control-allow-origin": headers.Origin, vary: "Origin, Accept" });
  expect(answer.headers["access-control-expose-headers"]).toContain("X-Inference-Time");
});

describe("clients behind a proxy", () => {
  /** What a third request hears while one of 192.0.2.1 runs and one waits: its refusal, or nothing as long as it waits. */
  async function third(env: Record<string, string>, forwarded: string): Promise<string> {
    const { url } = await start("diffusion", { QUEUE_LIMIT_PER_CLIENT: "1", MAX_STEPS: "900", ...env });
    const leave = new AbortController();
    const send = async (client: string) => {
      const answer = await fetch(`${url}/generate`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Forwarded-For": client },
        body: JSON.stringify({ prompt: "a cube", num_inference_steps: 900 }),
        signal: leave.signal,
      });
      return `${answer.status} ${await answer.text()}`;
    };
    const shows = async (name: string, value: number) =>
      until(async () => (await ask(`${url}/metrics`)).text.includes(`${name}{stage="diffusion"} ${value}\n`));
    const gone = (sent: Promise<string>) => sent.catch(() => "left");
    const first = gone(send("192.0.2.1"));
    await shows("jobs_running", 1);
    const second = gone(send("192.0.2.1"));
    await shows("job_queue_depth", 1);
    const last = gone(send(forwarded));
    const heard = await Promise.race([last, shows("job_queue_depth", 2).then(() => "it waits")]);
    leave.abort();
    await Promise.all([first, second, last]);
    return heard;
  }

  test("are one client without TRUST_PROXY, and the refusal names the limit", async () => {
    expect(await third({}, "192.0.2.2")).toMatch(/^429 .*Your address is at its limit: 1 of its requests wait/);
  });

  test.each(["1", "127.0.0.0/8"])("are told apart with TRUST_PROXY=%s", async (TRUST_PROXY) => {
    expect(await third({ TRUST_PROXY }, "192.0.2.2")).toBe("it waits");
    expect(await third({ TRUST_PROXY }, "192.0.2.1")).toMatch(/^429 .*Your address is at its limit/);
  });
});
