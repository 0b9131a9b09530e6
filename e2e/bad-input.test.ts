/** What clients get wrong, or try: each is a 4xx problem that names the field and says what to do, and nothing else happens. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32 } from "node:zlib";
import { decodeImage, sharp } from "@armature/images";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServiceProcess, startService } from "../scripts/services.js";

const picture = async (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "#808080" } })
    .png()
    .toBuffer();

/** A PNG whose header says that it is `side` pixels wide and high. */
function claiming(png: Buffer, side: number): Buffer {
  const header = png.subarray(12, 29); // the chunk's type and data, which its checksum covers
  header.writeUInt32BE(side, 4);
  header.writeUInt32BE(side, 8);
  png.writeUInt32BE(crc32(header), 29);
  return png;
}

let service: ServiceProcess;
beforeAll(async () => {
  service = await startService("diffusion", { PORT: "0", LOG_LEVEL: "silent", MAX_BODY_MB: "1" });
});
afterAll(() => service.stop());

interface Problem {
  status: number;
  code: string;
  detail: string;
  errors?: { pointer: string; detail: string }[];
}

async function send(body: string | Buffer, headers: Record<string, string> = { "content-type": "application/json" }) {
  const answer = await fetch(`${service.url}/generate`, { method: "POST", headers, body });
  const text = await answer.text();
  return { answer, text, problem: JSON.parse(text) as Problem };
}

/** A wrong request, the field that the answer must name, and words of what to do. */
const wrongFields: [what: string, request: object, pointer: string, words: RegExp][] = [
  ["no prompt", {}, "/prompt", /text|string/],
  ["a prompt that is a number", { prompt: 1 }, "/prompt", /text|string/],
  ["a misspelt field", { prompt: "x", guidance_scal: 7 }, "/guidance_scal", /guidance_scale/],
  ["steps of zero", { prompt: "x", num_inference_steps: 0 }, "/num_inference_steps", /1/],
  ["too many steps", { prompt: "x", num_inference_steps: 1e6 }, "/num_inference_steps", /150/],
  ["a fraction of a step", { prompt: "x", num_inference_steps: 2.5 }, "/num_inference_steps", /whole|integer/],
  ["a width that 8 does not divide", { prompt: "x", width: 129 }, "/width", /multiple of 8/],
  ["a huge width", { prompt: "x", width: 80000 }, "/width", /at most/],
  ["a negative guidance", { prompt: "x", guidance_scale: -1 }, "/guidance_scale", /0/],
  ["an unknown model", { prompt: "x", model: "tiny-ds" }, "/model", /tiny-sd/],
  ["a model that is a path", { prompt: "x", model: "../tiny-sd" }, "/model", /model id/],
  ["a model named __proto__", { prompt: "x", model: "__proto__" }, "/model", /model id/],
  ["an unknown scheduler", { prompt: "x", scheduler: "eulr_a" }, "/scheduler", /euler a/],
  [
    "an unknown scheduler option",
    { prompt: "x", scheduler: { name: "euler", use_karas: true } },
    "/scheduler/use_karas",
    /use_karras_sigmas/,
  ],
  ["a clip_skip beyond the layers", { prompt: "x", clip_skip: 9 }, "/clip_skip", /3 layers/],
  ["more pictures than allowed", { prompt: "x", num_images_per_prompt: 99 }, "/num_images_per_prompt", /4/],
  ["seeds that do not match", { prompt: "x", seed: [1, 2], num_images_per_prompt: 3 }, "/seed", /3 images/],
  [
    "an unknown control",
    { prompt: "x", controlnets: [{ type: "dept", image: "AAAA" }] },
    "/controlnets/0/type",
    /depth/,
  ],
  [
    "a control named constructor",
    { prompt: "x", controlnets: [{ type: "constructor", image: "AAAA" }] },
    "/controlnets/0/type",
    /served/,
  ],
  [
    "a control that ends before it starts",
    {
      prompt: "x",
      controlnets: [{ type: "depth", image: "AAAA", control_guidance_start: 0.8, control_guidance_end: 0.2 }],
    },
    "/controlnets/0/control_guidance_start",
    /less than/,
  ],
  [
    "text for a picture",
    { prompt: "x", controlnets: [{ type: "depth", image: "not base64!" }] },
    "/controlnets/0/image",
    /base64/,
  ],
  [
    "bytes that are no picture",
    { prompt: "x", controlnets: [{ type: "depth", image: Buffer.from("hello world, no picture").toString("base64") }] },
    "/controlnets/0/image",
    /PNG/,
  ],
  [
    "an SVG",
    {
      prompt: "x",
      controlnets: [
        { type: "depth", image: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString("base64") },
      ],
    },
    "/controlnets/0/image",
    /SVG|PNG/,
  ],
  [
    "bytes that are no picture to start from",
    { prompt: "x", image: Buffer.from("hello world, no picture").toString("base64") },
    "/image",
    /PNG/,
  ],
  ["a start at 127.0.0.1", { prompt: "x", image: "http://127.0.0.1:9/x.png" }, "/image", /Port 9 is not permitted/],
  ["a strength of zero", { prompt: "x", image: "AAAA", strength: 0 }, "/strength", /more than 0/],
  ["a strength without a picture", { prompt: "x", strength: 0.5 }, "/strength", /image/],
  [
    "a strength that leaves no step",
    { prompt: "x", image: "AAAA", strength: 0.2, num_inference_steps: 4 },
    "/strength",
    /at least 0\.25/,
  ],
  [
    "a loopback URL",
    { prompt: "x", controlnets: [{ type: "depth", image: "http://127.0.0.1:9/x.png" }] },
    "/controlnets/0/image",
    /Port 9 is not permitted/,
  ],
  [
    "a metadata URL",
    { prompt: "x", controlnets: [{ type: "depth", image: "http://169.254.169.254/latest" }] },
    "/controlnets/0/image",
    /public internet/,
  ],
  [
    "a file URL",
    { prompt: "x", controlnets: [{ type: "depth", image: "file:///etc/passwd" }] },
    "/controlnets/0/image",
    /http/,
  ],
];

describe("a wrong field is named, with what to do", () => {
  test.each(wrongFields)("%s", async (_, request, pointer, words) => {
    const { answer, problem, text } = await send(JSON.stringify(request));
    expect(answer.status).toBe(422);
    expect(answer.headers.get("content-type")).toMatch("application/problem+json");
    expect(problem.errors?.map((error) => error.pointer)).toContain(pointer);
    expect(problem.detail).toMatch(words);
    expectNoLeak(text);
  });
});

test("numbers that are not finite are refused: JSON has none", async () => {
  const { answer, problem } = await send('{"prompt": "x", "guidance_scale": NaN}');
  expect(answer.status).toBe(400);
  expect(problem.code).toBe("malformed-request");
  const overflow = await send('{"prompt": "x", "guidance_scale": 1e999}');
  expect(overflow.answer.status).toBe(422);
});

test("malformed and deep JSON, keys of the prototype and wrong types of content are told apart", async () => {
  expect((await send('{"prompt": ')).answer.status).toBe(400);
  expect((await send("[".repeat(1e5))).answer.status).toBe(400);
  expect((await send('{"prompt": "x", "__proto__": {"a": 1}}')).answer.status).toBe(422);
  expect((await send("prompt=x", { "content-type": "application/x-www-form-urlencoded" })).answer.status).toBe(415);
  expect(
    (await send('{"prompt": "x"}', { "content-type": "application/json", accept: "audio/mpeg" })).answer.status,
  ).toBe(406);
});

test("an oversized body is refused", async () => {
  const { answer, problem } = await send(JSON.stringify({ prompt: "x".repeat(2 ** 21) }));
  expect(answer.status).toBe(413);
  expect(problem.code).toBe("body-too-large");
});

test("a truncated picture is refused, one of 1x1 is used, one of 20000x20000 is refused by its header", async () => {
  const control = (image: Buffer) =>
    JSON.stringify({
      prompt: "x",
      num_inference_steps: 1,
      width: 64,
      height: 64,
      controlnets: [{ type: "canny", image: image.toString("base64"), preprocessor: "none" }],
    });
  const whole = await picture(200, 200);
  const cut = await send(control(whole.subarray(0, whole.length / 2)));
  expect(cut.answer.status).toBe(422);
  expect(cut.problem.errors?.[0]?.pointer).toBe("/controlnets/0/image");
  expect((await send(control(await picture(1, 1)))).answer.status).toBe(200);
  const began = performance.now();
  const huge = await send(control(claiming(await picture(1, 1), 20000)));
  expect(huge.answer.status).toBe(422);
  expect(huge.problem.code).toBe("image-too-large");
  expect(performance.now() - began).toBeLessThan(1_000);
});

test("a control image gives a picture of its own size, in steps of 8 and within the limits, not a distorted one", async () => {
  for (const [width, height, made] of [
    [300, 150, { width: 296, height: 144 }],
    [150, 300, { width: 144, height: 296 }],
    [1500, 1500, { width: 1024, height: 1024 }],
  ] as const) {
    const answer = await fetch(`${service.url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "image/png" },
      body: JSON.stringify({
        prompt: "x",
        num_inference_steps: 1,
        controlnets: [
          { type: "canny", image: (await picture(width, height)).toString("base64"), preprocessor: "none" },
        ],
      }),
    });
    const file = Buffer.from(await answer.arrayBuffer());
    expect(await decodeImage(file, { maxPixels: 2e6, timeoutS: 10 })).toMatchObject(made);
  }
});

test("a redirect to a private address is not followed", async () => {
  const server = createServer((_req, res) => res.writeHead(302, { location: "http://169.254.169.254/" }).end()).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const allowing = await startService("diffusion", {
    PORT: "0",
    LOG_LEVEL: "silent",
    PRIVATE_SOURCES: `127.0.0.1:${port}`,
  });
  try {
    const answer = await fetch(`${allowing.url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "x", controlnets: [{ type: "depth", image: `http://127.0.0.1:${port}/a.png` }] }),
    });
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({
      code: "source-forbidden",
      errors: [{ pointer: "/controlnets/0/image" }],
    });
  } finally {
    await allowing.stop();
    server.close();
  }
});

test("unknown routes and methods answer in the same form", async () => {
  const route = await fetch(`${service.url}/generat`);
  expect([route.status, await route.json()]).toMatchObject([404, { code: "not-found" }]);
  const method = await fetch(`${service.url}/generate`);
  expect([method.status, method.headers.get("allow"), await method.json()]).toMatchObject([
    405,
    "OPTIONS, POST",
    { code: "method-not-allowed" },
  ]);
});

test("a wrong configuration ends the start with one line", async () => {
  await expect(startService("diffusion", { PORT: "http" }, "ignore")).rejects.toThrow("exit code 1");
});

function expectNoLeak(text: string): void {
  expect(text).not.toMatch(/node_modules|at \w+ \(|\.js:|\.ts:/);
}
