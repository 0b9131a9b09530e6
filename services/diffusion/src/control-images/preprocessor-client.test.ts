import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { BudgetFull, InvalidRequest } from "@armature/core";
import { DecoderCrashed, decodeImage, sharp, UnsupportedImage } from "@armature/images";
import { afterEach, describe, expect, test } from "vitest";
import { listen } from "../../../../testing/loopback.js";
import { UpstreamFailed, UpstreamUnavailable } from "./errors.js";
import { PreprocessorClient } from "./preprocessor-client.js";

const WANTED = {
  picture: Buffer.from("photo"),
  processor: "canny",
  options: {},
  pointer: "/controlnets/0/preprocessor",
  hold: () => {},
};
const STAYING = new AbortController().signal;

type Answer = (req: IncomingMessage, res: ServerResponse) => unknown;

const clients: PreprocessorClient[] = [];
afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

type Decode = ConstructorParameters<typeof PreprocessorClient>[0]["decode"];

/** Takes every file for a picture. */
const looked = async () => ({ data: new Uint8Array(3), width: 1, height: 1 });

/** A client of services that answer so. */
async function clientOf(
  answers: Answer[],
  { timeoutMs = 5_000, maxBytes = 1_000, path = "", decode = looked as Decode } = {},
) {
  const urls = await Promise.all(answers.map(async (answer) => `http://${await listen(createServer(answer))}${path}`));
  const client = new PreprocessorClient({ urls, timeoutMs, maxBytes, decode });
  clients.push(client);
  return client;
}

const says =
  (status: number, body: string | object = "", headers = {}): Answer =>
  (_req, res) =>
    res.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));

const problem = (status: number, detail: string) => ({ type: "/docs#x", title: "No", status, code: "x", detail });

test("the picture goes to the processor's path with its options, and the control image comes back", async () => {
  let asked: unknown;
  const client = await clientOf(
    [
      async (req, res) => {
        const { accept, "content-type": type } = req.headers;
        asked = [req.method, req.url, type, accept, String(await buffer(req))];
        res.end("edges");
      },
    ],
    { path: "/behind/a/proxy" },
  );
  const options = { low_threshold: 10, l2_gradient: true };
  expect(String((await client.annotate({ ...WANTED, options }, STAYING)).file)).toBe("edges");
  expect(asked).toEqual([
    "POST",
    "/behind/a/proxy/image/canny?low_threshold=10&l2_gradient=true",
    ...["application/octet-stream", "image/webp, image/png;q=0.9", "photo"],
  ]);
});

test("services take turns, and one that is away or busy is passed over", async () => {
  const client = await clientOf([says(200, "first"), (req) => req.socket.destroy(), says(200, "third"), says(503)]);
  const texts = [];
  for (let i = 0; i < 5; i++) texts.push(String((await client.annotate(WANTED, STAYING)).file));
  expect(texts).toEqual(["first", "third", "third", "first", "first"]);
});

test("if all are too busy the client hears when to come back", async () => {
  const client = await clientOf([says(503, "", { "retry-after": "9" })]);
  const error = await client.annotate(WANTED, STAYING).catch((e) => e);
  expect(error).toBeInstanceOf(UpstreamUnavailable);
  expect(error).toMatchObject({ retryAfterS: 9, message: expect.stringContaining("too busy") });
  const silent = await clientOf([says(429)]);
  await expect(silent.annotate(WANTED, STAYING)).rejects.toMatchObject({ retryAfterS: 5 });
});

test.each([
  ["7", 7],
  ["0", 1],
  ["999999", 600],
  ["-3", 5],
  ["1e9", 5],
  ["soon", 5],
  ["Wed, 21 Oct 2099 07:28:00 GMT", 5],
])("a Retry-After of %s is passed on as %i", async (header, seconds) => {
  const client = await clientOf([says(503, "", { "retry-after": header })]);
  await expect(client.annotate(WANTED, STAYING)).rejects.toMatchObject({ retryAfterS: seconds });
});

test("what a service says is cut and cleaned before it is passed on", async () => {
  const client = await clientOf([says(422, problem(422, `no\r\n\u001b[31m\u009b\u202ered ${"x".repeat(5_000)}`))]);
  const { issues } = await client.annotate(WANTED, STAYING).catch((e) => e);
  expect(issues[0].detail).toMatch(/^the preprocessor service refuses canny: no \[31m red x+…$/);
  expect(issues[0].detail.length).toBeLessThan(400);
});

test("an answer is held before its bytes are, twice until they are joined; where there is no room it ends", async () => {
  const client = await clientOf([says(200, "edges")]);
  const held: number[] = [];
  await client.annotate({ ...WANTED, hold: (bytes) => held.push(bytes) }, STAYING);
  expect(held).toEqual([10, 5]);

  const full = new BudgetFull("No room", 2);
  const hold = () => {
    throw full;
  };
  let ended: Promise<unknown> | undefined;
  const endless = await clientOf([
    (_req, res) => {
      ended = once(res, "close");
      res.write("half");
    },
  ]);
  await expect(endless.annotate({ ...WANTED, hold }, STAYING)).rejects.toBe(full);
  await ended;
});

test("a refusal of megabytes is not read to its end", async () => {
  const client = await clientOf([says(422, problem(422, "x".repeat(1_000_000)))], { maxBytes: 1e9 });
  const error = await client.annotate(WANTED, STAYING).catch((e) => e);
  expect(error).toBeInstanceOf(UpstreamFailed);
  expect(error.message).toContain("too large an answer");
});

describe("an answer with 200 that is no picture", () => {
  const picture = () =>
    sharp({ create: { width: 8, height: 8, channels: 3, background: "#d02030" } })
      .webp()
      .toBuffer();
  const decode = (file: Buffer, signal: AbortSignal) => decodeImage(file, { maxPixels: 100, timeoutS: 10 }, { signal });

  test.each<[string, () => Promise<Buffer>]>([
    ["HTML", async () => Buffer.from("<!DOCTYPE html><title>login</title>")],
    ["nothing", async () => Buffer.alloc(0)],
    ["a cut picture", async () => (await picture()).subarray(0, -10)],
    [
      "too large a picture",
      async () =>
        sharp(await picture())
          .resize(11, 11)
          .png()
          .toBuffer(),
    ],
  ])("is that service's fault, and it is named: %s", async (_name, body) => {
    const file = await body();
    const client = await clientOf([(_req, res) => res.end(file)], { decode, path: "/behind/" });
    const error = await client.annotate(WANTED, STAYING).catch((e) => e);
    expect(error).toBeInstanceOf(UpstreamFailed);
    expect(error.message).toMatch(/^The preprocessor http:\/\/127\.0\.0\.1:\d+\/behind answered canny with \d+ bytes/);
  });

  test("a picture comes back as file and as pixels", async () => {
    const file = await picture();
    const client = await clientOf([(_req, res) => res.end(file)], { decode });
    expect(await client.annotate(WANTED, STAYING)).toMatchObject({ file, image: { width: 8, height: 8 } });
  });

  test("a decoder that crashes here is not that service's fault", async () => {
    const crash = new DecoderCrashed("ended");
    const client = await clientOf([says(200, "edges")], { decode: () => Promise.reject(crash) });
    await expect(client.annotate(WANTED, STAYING)).rejects.toBe(crash);
  });
});

test("credentials in a service's address are not told", async () => {
  const host = (await listen(createServer((_req, res) => res.end("?")))).replace(/^/, "http://user:secret@");
  const refused = () => Promise.reject(new UnsupportedImage("no"));
  const client = new PreprocessorClient({
    urls: [`${host}/?key=secret`],
    timeoutMs: 5_000,
    maxBytes: 99,
    decode: refused,
  });
  clients.push(client);
  const error = await client.annotate(WANTED, STAYING).catch((e) => e);
  expect(error.message).toMatch(/^The preprocessor http:\/\/127\.0\.0\.1:\d+ answered canny with 1 bytes/);
});

test.each([404, 413, 415, 422])("a refusal with %i is the request's own fault, and says why", async (status) => {
  const client = await clientOf([says(status, problem(status, "there is no such thing"))]);
  const error = await client.annotate(WANTED, STAYING).catch((e) => e);
  expect(error).toBeInstanceOf(InvalidRequest);
  expect(error.issues).toEqual([
    { pointer: WANTED.pointer, detail: "the preprocessor service refuses canny: there is no such thing" },
  ]);
});

test.each([
  ["a refusal that is no problem document", says(422, "nonsense"), "failed with status 422"],
  ["a fault", says(500, problem(500, "oops")), "failed with status 500"],
  ["too large an answer", says(200, "x".repeat(1_001)), "too large an answer"],
])("%s is that service's fault, and no other one is asked", async (_, answer, message) => {
  let others = 0;
  const client = await clientOf([answer, (_req, res) => res.end(String(others++))]);
  const error = await client.annotate(WANTED, STAYING).catch((e) => e);
  expect(error).toBeInstanceOf(UpstreamFailed);
  expect(error.message).toContain(message);
  expect(others).toBe(0);
});

test("without a service the request hears what to do", async () => {
  const client = await clientOf([]);
  await expect(client.annotate(WANTED, STAYING)).rejects.toThrow(/canny is needed, but PREPROCESSOR_URLS names no/);
});

test.each<[string, Answer]>([
  ["before it answers", () => {}],
  ["amid its answer", (_req, res) => res.write("half")],
])("a service that hangs %s is given up after the timeout", async (_, answer) => {
  const client = await clientOf([answer], { timeoutMs: 100 });
  const start = performance.now();
  await expect(client.annotate(WANTED, STAYING)).rejects.toBeInstanceOf(UpstreamUnavailable);
  expect(performance.now() - start).toBeLessThan(2_000);
});

test.each<[string, Answer]>([
  ["waits", () => {}],
  ["reads", (_req, res) => res.write("half")],
])("aborting closes the connection of a request that %s, and asks no other service", async (_, answer) => {
  let requests = 0;
  let closed: Promise<unknown> | undefined;
  const slow: Answer = (req, res) => {
    requests++;
    closed = once(req.socket, "close");
    answer(req, res);
  };
  const client = await clientOf([slow, slow]);
  const leaving = new AbortController();
  const asked = client.annotate(WANTED, leaving.signal);
  asked.catch(() => {});
  while (!closed) await delay(5);
  await delay(20);
  leaving.abort(new Error("gone"));
  await expect(asked).rejects.toThrow("gone");
  await closed;
  expect(requests).toBe(1);
});
