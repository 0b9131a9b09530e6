import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";
import { parse } from "@armature/contract";
import type { Router } from "express";
import { expect, test } from "vitest";
import { z } from "zod";
import { cpuTimed } from "../../testing/cpu-time.js";
import { rawExchange, roomyBudget, startService, until } from "../../testing/http-service.js";
import { jsonBody, jsonOrImageBody } from "./body.js";
import { parseJson } from "./json-text.js";

const LIMITS = { maxBytes: 1_000, budget: roomyBudget() };

function routes(router: Router): void {
  router.post("/json", jsonBody(LIMITS), (req, res) => void res.json({ got: req.body }));
  router.post(
    "/big",
    jsonBody({ maxBytes: 32_000_000, budget: roomyBudget() }),
    (req, res) => void res.json({ keys: Object.keys(req.body) }),
  );
  router.post(
    "/strict",
    jsonBody(LIMITS),
    (req, res) => void res.json(parse(z.strictObject({ a: z.number() }), req.body)),
  );
  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  router.post("/both", jsonOrImageBody(LIMITS), (req, res) => {
    res.json(Buffer.isBuffer(req.body) ? { sha256: digest(req.body) } : { got: req.body });
  });
}

async function post(url: string, body: string | Buffer<ArrayBuffer> | ReadableStream, type = "application/json") {
  const options = body instanceof ReadableStream ? { duplex: "half" as const } : {};
  const headers = type ? { "Content-Type": type } : undefined;
  const response = await fetch(url, { method: "POST", body, headers, ...options });
  const answer = (await response.json()) as Record<string, unknown> & { detail: string };
  return { status: response.status, type: response.headers.get("Content-Type"), body: answer };
}

test("JSON comes through as its value, with a charset or a +json type too", async () => {
  const { url } = await startService(routes);
  const body = '{"a":[1,{"b":"\\"[{\\\\"}],"ü":null}';
  const got = { a: [1, { b: '"[{\\' }], ü: null };
  expect(await post(`${url}/json`, body)).toMatchObject({ status: 200, body: { got } });
  expect(await post(`${url}/json`, body, 'application/json; charset="UTF-8"')).toMatchObject({
    status: 200,
    body: { got },
  });
  expect(await post(`${url}/json`, body, "application/vnd.x+json")).toMatchObject({ status: 200, body: { got } });
});

test.each([
  ['{"a": x}', "The body is not JSON: Unexpected token"],
  ['{"a": 1', "The body is not JSON: "],
  ["", "The body is empty; send JSON"],
  [Buffer.from([0x22, 0xff, 0x22]), "The body is not JSON: it is not UTF-8 text"],
])("malformed JSON %j is a 400 that says so", async (body, detail) => {
  const { url } = await startService(routes);
  const answer = await post(`${url}/json`, body);
  expect(answer).toMatchObject({ status: 400, type: "application/problem+json", body: { code: "malformed-request" } });
  expect(answer.body.detail.startsWith(detail)).toBe(true);
});

test("a syntax error does not quote the body", async () => {
  const { url } = await startService(routes);
  const { body } = await post(`${url}/json`, '{"prompt": "my secret castle" oops}');
  expect(body.detail).not.toContain("castle");
});

test.each(["[", '{"a":'])("100000 levels of %s are refused at once", async (opening) => {
  const { url } = await startService(routes);
  const [answer, cpuMs] = await cpuTimed(() => post(`${url}/big`, opening.repeat(100_000)));
  expect(answer.body).toMatchObject({
    status: 400,
    detail: "JSON may be nested 32 levels deep; this body goes deeper",
  });
  expect(cpuMs).toBeLessThan(500);
});

test("32 levels are accepted, 33 are not, and brackets in texts do not count", () => {
  expect(() => parseJson(Buffer.from("[".repeat(32) + "]".repeat(32)))).not.toThrow();
  expect(() => parseJson(Buffer.from("[".repeat(33) + "]".repeat(33)))).toThrow("32 levels");
  expect(parseJson(Buffer.from(JSON.stringify(['\\"[[', "{".repeat(50)])))).toEqual(['\\"[[', "{".repeat(50)]);
});

test("more values than can be checked cheaply are refused", () => {
  const list = (length: number) => Buffer.from(JSON.stringify(Array.from({ length }, () => 1)));
  expect(() => parseJson(list(10_000))).not.toThrow();
  expect(() => parseJson(list(10_002))).toThrow("JSON may hold 10000 values");
});

test("__proto__ is refused with its place and changes nothing", async () => {
  const { url } = await startService(routes);
  const { status, body } = await post(`${url}/json`, '{"a": [{"__proto__": {"admin": true}}]}');
  expect(status).toBe(422);
  expect(body.errors).toEqual([{ pointer: "/a/0/__proto__", detail: "unknown field" }]);
  expect(({} as Record<string, unknown>).admin).toBeUndefined();
  expect(await post(`${url}/strict`, '{"a": 1, "constructor": 2}')).toMatchObject({ status: 422 });
});

test("a body that declares too much length is refused before it has come", async () => {
  const { port } = await startService(routes);
  const head = "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1001\r\n\r\n";
  const socket = connect(port, "127.0.0.1");
  socket.write(head);
  const [first] = await new Promise<Buffer[]>((resolve) => socket.once("data", (chunk) => resolve([chunk])));
  expect(String(first)).toMatch(/^HTTP\/1.1 413 /);
  expect(String(first)).toContain('"detail":"The body is longer than the 1000 bytes that are accepted"');
  socket.destroy();
});

test("a chunked body is cut off at the limit, and its sender soon after", async () => {
  const { port } = await startService(routes);
  const head = "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  const chunk = `200\r\n${"x".repeat(0x200)}\r\n`;
  const startMs = performance.now();
  const answer = await rawExchange(port, head, chunk, chunk, { waitMs: 50 }, chunk);
  expect(answer).toMatch(/^HTTP\/1.1 413 /);
  expect(performance.now() - startMs).toBeLessThan(3_500);
});

test("an honest client that sends too much reads the answer and may go on on its connection", async () => {
  const { port } = await startService(routes);
  const body = "x".repeat(2_000);
  const head = `POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const next = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const answer = await rawExchange(port, head, { waitMs: 20 }, body + next);
  expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 413", "HTTP/1.1 200"]);
});

test.each([
  ["/json", "text/plain", "Send the body with Content-Type: application/json"],
  ["/json", "application/json; charset=latin1", "JSON is accepted as UTF-8 only"],
  ["/both", "text/plain", "Send the body with Content-Type: image/* or application/octet-stream, or application/json"],
])("%s with %s is a 415 that names what is accepted", async (path, type, detail) => {
  const { url } = await startService(routes);
  expect(await post(url + path, "{}", type)).toMatchObject({ status: 415, body: { detail } });
});

test("a compressed body is a 415", async () => {
  const { url } = await startService(routes);
  const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip" };
  const response = await fetch(`${url}/json`, { method: "POST", body: "{}", headers });
  expect(response.status).toBe(415);
});

test("a picture comes through byte for byte, up to the limit", async () => {
  const { url } = await startService(routes);
  const bytes = Buffer.from(randomBytes(1_000));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  expect(await post(`${url}/both`, bytes, "image/png")).toMatchObject({ status: 200, body: { sha256 } });
  expect(await post(`${url}/both`, Buffer.concat([bytes, bytes]), "image/png")).toMatchObject({ status: 413 });
  expect(await post(`${url}/both`, Buffer.alloc(0), "image/png")).toMatchObject({ status: 400 });
});

test("a route for both tells a picture from JSON by its type", async () => {
  const { url } = await startService(routes);
  expect(await post(`${url}/both`, "[]")).toMatchObject({ body: { got: [] } });
  const sha256 = createHash("sha256").update("[]").digest("hex");
  expect(await post(`${url}/both`, "[]", "application/octet-stream")).toMatchObject({ body: { sha256 } });
});

test("a client that leaves amid its body is logged as cancelled", async () => {
  let arrived = false;
  const { port, log } = await startService((router) => {
    router.use((_req, _res, next) => {
      arrived = true;
      next();
    });
    routes(router);
  });
  const socket = connect(port, "127.0.0.1");
  socket.write("POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
  await until(() => arrived);
  socket.destroy();
  await until(() => log.length > 0);
  expect(log[0]).toMatchObject({ status: 499, level: "info" });
});
