/** What requests may hold: a service's resident memory stays under its idle value plus 1.2 times INFLIGHT_MB, under every load here. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { sharp } from "@armature/images";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { residentBytes } from "../scripts/service-engine.js";
import { type ServiceName, type ServiceProcess, startService } from "../scripts/services.js";
import { until } from "../testing/http-service.js";

const INFLIGHT_MB = 512;
const LIMIT_BYTES = 1.2 * INFLIGHT_MB * 1e6;

/** A file of a few kilobytes with 49 million pixels. */
let huge: Buffer;
beforeAll(async () => {
  huge = await sharp({ create: { width: 7_000, height: 7_000, channels: 3, background: "#808080" } })
    .png({ palette: true, colours: 2, compressionLevel: 9 })
    .toBuffer();
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(name: ServiceName, env: Record<string, string> = {}): Promise<ServiceProcess> {
  const service = await startService(name, {
    PORT: "0",
    LOG_LEVEL: "silent",
    INFLIGHT_MB: String(INFLIGHT_MB),
    ...env,
  });
  closing.push(() => service.stop());
  await until(async () => (await fetch(`${service.url}/readyz`)).ok);
  return service;
}

/** The greatest resident memory that the process has had. */
function peakBytes({ process: { pid } }: ServiceProcess): number {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}

async function metric({ url }: ServiceProcess, line: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((candidate) => candidate.startsWith(`${line} `))
      ?.split(" ")[1],
  );
}

describe("pictures that are small as files and huge as pixels", () => {
  async function generate(service: ServiceProcess, nets: number) {
    const image = huge.toString("base64");
    const controlnets = Array.from({ length: nets }, () => ({ type: "depth", image, preprocessor: "none" }));
    const answer = await fetch(`${service.url}/generate`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "a cube", num_inference_steps: 1, width: 64, height: 64, controlnets }),
    });
    const { code, detail } = (await answer.json()) as { code?: string; detail?: string };
    return { status: answer.status, code, detail };
  }

  test("three waiting requests of one each are decoded in turn; of two each, they are refused with the sum", async () => {
    const service = await start("diffusion");
    expect((await generate(service, 0)).status).toBe(200);
    const idle = residentBytes(service.process.pid!);
    const answers = await Promise.all(Array.from({ length: 3 }, () => generate(service, 1)));
    expect(answers.map(({ status }) => status)).toEqual(Array(3).fill(200));
    const refused = await Promise.all(Array.from({ length: 3 }, () => generate(service, 2)));
    for (const { status, code, detail } of refused) {
      expect([status, code]).toEqual([413, "over-budget"]);
      expect(detail).toContain(
        "The request needs 686.0 MB for decoded pictures; all requests together may hold 384.0 MB",
      );
    }
    expect(peakBytes(service) - idle).toBeLessThan(LIMIT_BYTES);
    await until(async () => (await metric(service, 'inflight_bytes{part="pixels"}')) === 0);
    await until(async () => (await metric(service, 'inflight_bytes{part="encoded"}')) < 10_000);
  });

  test("the preprocessor takes three at once", async () => {
    const service = await start("preprocessor");
    const annotate = async (accept = "*/*") => {
      const headers = { "Content-Type": "image/png", Accept: accept };
      const answer = await fetch(`${service.url}/image/canny`, { method: "POST", headers, body: new Uint8Array(huge) });
      const body = await answer.text();
      return { status: answer.status, type: answer.headers.get("Content-Type"), body };
    };
    const idle = residentBytes(service.process.pid!);
    for (const { status, type } of await Promise.all(Array.from({ length: 3 }, () => annotate()))) {
      expect([status, type]).toEqual([200, "image/png"]); // there is no room for the encoder of WebP
    }
    const { status, body } = await annotate("image/webp");
    expect(status).toBe(413);
    expect(body).toContain("for decoded pictures; all requests together may hold 384.0 MB");
    expect(peakBytes(service) - idle).toBeLessThan(LIMIT_BYTES);
    await until(async () => (await metric(service, 'inflight_bytes{part="pixels"}')) === 0);
  });
});

describe("60 uploads of 32 MB that never end", () => {
  const LENGTH = 32 * 2 ** 20;

  async function upload(service: ServiceProcess, type: string, localAddress: string): Promise<Socket> {
    const { port, hostname: host } = new URL(service.url);
    const socket = connect({ port: Number(port), host, localAddress }).on("error", () => {});
    closing.push(() => socket.destroy());
    await once(socket, "connect");
    socket.resume();
    socket.write(
      `POST /image/canny HTTP/1.1\r\nHost: x.localhost\r\nContent-Type: ${type}\r\nContent-Length: ${LENGTH}\r\n\r\n`,
    );
    socket.write(Buffer.alloc(LENGTH - 1, "x"));
    return socket;
  }

  test.each(["image/png", "application/json"])("of %s from three addresses", async (type) => {
    const service = await start("preprocessor");
    const picture = await sharp({ create: { width: 256, height: 256, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    const annotate = () =>
      fetch(`${service.url}/image/canny`, {
        method: "POST",
        headers: { "Content-Type": "image/png" },
        body: new Uint8Array(picture),
      });
    expect((await annotate()).status).toBe(200);
    const idle = residentBytes(service.process.pid!);
    for (let i = 0; i < 60; i += 3) {
      await Promise.all([2, 3, 4].map((last) => upload(service, type, `127.0.0.${last}`)));
      expect((await annotate()).status).toBe(200); // an honest client is served meanwhile
    }
    await delay(500);
    expect(await metric(service, 'inflight_bytes{part="encoded"}')).toBeGreaterThan(LENGTH);
    expect(await metric(service, 'http_problems_total{route="/image/:processor",code="budget-full"}')).toBeGreaterThan(
      50,
    );
    expect(peakBytes(service) - idle).toBeLessThan(LIMIT_BYTES);
  });
});
