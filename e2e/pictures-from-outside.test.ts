/** Pictures that strangers and other services hand in, over HTTP: what is wrong with one costs that one, and is blamed on the right side. */
import { createServer, type RequestListener } from "node:http";
import { sharp } from "@armature/images";
import { afterEach, expect, test } from "vitest";
import { signalChildren } from "../scripts/child-processes.js";
import { type ServiceProcess, startService } from "../scripts/services.js";
import { listen } from "../testing/loopback.js";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(service: "diffusion" | "preprocessor", env: Record<string, string> = {}): Promise<ServiceProcess> {
  const started = await startService(service, { PORT: "0", LOG_LEVEL: "silent", ...env });
  closing.push(() => started.stop());
  return started;
}

const picture = (side: number) => sharp({ create: { width: side, height: side, channels: 3, background: "#d02030" } });

async function generate({ url }: ServiceProcess, fields: object) {
  const answer = await fetch(`${url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "a cone", num_inference_steps: 1, width: 64, height: 64, ...fields }),
  });
  return { status: answer.status, body: (await answer.json()) as { code: string; detail: string } };
}

test("a preprocessor's bad answer is its own fault, by name, and the next request is made well", async () => {
  const good = await picture(64).webp().toBuffer();
  const bad = [Buffer.from("<!DOCTYPE html><title>login</title>"), Buffer.alloc(0), good.subarray(0, -9)];
  const answers = [...bad];
  const preprocessor: RequestListener = (_req, res) => res.end(answers.shift() ?? good);
  const host = await listen(createServer(preprocessor));
  const diffusion = await start("diffusion", { PREPROCESSOR_URLS: `http://${host}` });
  const image = (await picture(80).png().toBuffer()).toString("base64");
  const ask = () => generate(diffusion, { controlnets: [{ type: "canny", image }] });
  for (const { length } of bad) {
    expect(await ask()).toMatchObject({
      status: 502,
      body: {
        code: "upstream-failed",
        detail: `The preprocessor http://${host} answered canny with ${length} bytes that are no readable picture`,
      },
    });
  }
  expect((await ask()).status).toBe(200);
  expect((await ask()).status).toBe(200); // out of the cache
});

test.skipIf(process.platform !== "linux")("a decoder that dies costs the request that it worked for", async () => {
  const preprocessor = await start("preprocessor");
  const send = async (body: Buffer) => {
    const answer = await fetch(`${preprocessor.url}/image/canny`, {
      method: "POST",
      headers: { "content-type": "image/jpeg" },
      body,
    });
    return { status: answer.status, text: await answer.text() };
  };
  const [large, small] = [
    await picture(5500).jpeg({ progressive: true }).toBuffer(),
    await picture(64).jpeg().toBuffer(),
  ];
  const dying = send(large);
  let killed = false;
  void dying.finally(() => {
    killed = true;
  });
  while (!killed) {
    signalChildren(preprocessor.process.pid, /decoder-main/, "SIGKILL");
    await new Promise(setImmediate);
  }
  const { status, text } = await dying;
  expect([status, JSON.parse(text).code]).toEqual([500, "decoder-crashed"]);
  expect((await send(small)).status).toBe(200);
  expect((await fetch(`${preprocessor.url}/readyz`)).status).toBe(200);
});

test("a JPEG without its last byte is taken by both services, with a warning in the log", async () => {
  const jpeg = (await picture(64).jpeg().toBuffer()).subarray(0, -1);
  const lines: string[] = [];
  const env = { PORT: "0", LOG_LEVEL: "warn" };
  const warnings = () => lines.filter((line) => line.includes("lacks its last bytes")).length;
  for (const service of ["preprocessor", "diffusion"] as const) {
    const started = await startService(service, env, (line) => lines.push(line));
    closing.push(() => started.stop());
    const controlnets = [{ type: "canny", image: jpeg.toString("base64"), preprocessor: "none" }];
    const status =
      service === "diffusion"
        ? (await generate(started, { controlnets })).status
        : (
            await fetch(`${started.url}/image/canny`, {
              method: "POST",
              headers: { "content-type": "image/jpeg" },
              body: jpeg,
            })
          ).status;
    expect(status).toBe(200);
  }
  await expect.poll(warnings).toBe(2);
});

test("null is as absent, and base64 is taken as clients write it", async () => {
  const diffusion = await start("diffusion");
  const image = (await picture(64).png().toBuffer()).toString("base64");
  const unpadded = image.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const nulls = { negative_prompt: null, seed: null, scheduler: null, image: null, model: null, output: null };
  for (const text of [image.replace(/.{76}/g, "$&\r\n"), unpadded, `data:image/png;charset=utf-8;base64,${image}`]) {
    const controlnets = [{ type: "canny", image: text, preprocessor: "none", conditioning_scale: null }];
    expect(await generate(diffusion, { ...nulls, controlnets })).toMatchObject({ status: 200 });
  }
});
