/** What clients get wrong, or try: each is a 4xx problem that says what to do, in bounded time, and the service goes on. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServiceProcess, startService } from "../../../../scripts/services.js";
import { fixturePath } from "../../../../testing/golden.js";

const SCENE = readFileSync(fixturePath("embedded/inputs/purple-sphere-and-orange-cube.png"));

const pictures = createServer((_req, res) => res.end(SCENE));
let service: ServiceProcess;
beforeAll(async () => {
  await once(pictures.listen(0, "127.0.0.1"), "listening");
  const { port } = pictures.address() as AddressInfo;
  const env = { PORT: "0", LOG_LEVEL: "silent", MAX_BODY_MB: "1", PRIVATE_SOURCES: `localhost:${port}` };
  service = await startService("preprocessor", env);
});
afterAll(async () => {
  pictures.close();
  expect(await service.stop()).toBe(0);
});

interface Problem {
  status: number;
  code: string;
  detail: string;
  errors?: { pointer: string; detail: string }[];
}

async function send(path: string, body: Buffer | string = SCENE, headers: Record<string, string> = {}) {
  const answer = await fetch(`${service.url}/image/${path}`, {
    method: "POST",
    headers: { "content-type": typeof body === "string" ? "application/json" : "image/png", ...headers },
    body,
  });
  return { answer, text: answer.headers.get("content-type")?.includes("json") ? await answer.text() : "" };
}

async function expectRefusal(sent: ReturnType<typeof send>, status: number, code: string, words: RegExp) {
  const { answer, text } = await sent;
  expect(answer.headers.get("content-type")).toMatch("application/problem+json");
  const problem = JSON.parse(text) as Problem;
  expect(problem).toMatchObject({ status, code });
  expect(answer.status).toBe(status);
  expect(problem.detail).toMatch(words);
  expect(text).not.toMatch(/node_modules|\/services\/|at .*\.js/); // no path, no stack
  return problem;
}

/** A PNG whose header claims this width and height, in pixels. */
function claiming(width: number, height: number): Buffer {
  const png = Buffer.from(SCENE);
  const header = png.subarray(12, 29); // the chunk's type and data, which its checksum covers
  header.writeUInt32BE(width, 4);
  header.writeUInt32BE(height, 8);
  png.writeUInt32BE(crc32(header), 29);
  return png;
}

describe("a picture that cannot be used", () => {
  test.each<[what: string, body: Buffer, code: string, words: RegExp]>([
    ["text", Buffer.from("hello world, this is no picture"), "unsupported-image", /JPEG, PNG, WebP/],
    ["a truncated PNG", SCENE.subarray(0, 8000), "unsupported-image", /cut off or damaged/],
    ["a PNG with damaged pixels", damaged(), "unsupported-image", /cut off or damaged/],
    [
      "an SVG",
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      "unsupported-image",
      /SVG/,
    ],
    ["a PDF", Buffer.from("%PDF-1.7\n"), "unsupported-image", /PDF/],
    ["20000x20000 pixels", claiming(20000, 20000), "image-too-large", /400000000 pixels; at most 50000000/],
    ["a line of two billion pixels", claiming(2 ** 31 - 1, 1), "image-too-large", /2147483647x1/],
  ])("%s", async (_, body, code, words) => {
    await expectRefusal(send("canny", body), 422, code, words);
  });

  test("an empty body, and one that is too long", async () => {
    await expectRefusal(send("canny", Buffer.alloc(0)), 400, "malformed-request", /empty/);
    await expectRefusal(send("canny", Buffer.alloc(2 ** 20 + 1)), 413, "body-too-large", /1048576/);
  });

  test("a body of another type", async () => {
    const words = /Content-Type: image\/\*/;
    for (const type of ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]) {
      await expectRefusal(send("canny", SCENE, { "content-type": type }), 415, "unsupported-media-type", words);
    }
    await expectRefusal(
      send("canny", SCENE, { "content-encoding": "gzip" }),
      415,
      "unsupported-media-type",
      /compressed/,
    );
  });
});

function damaged(): Buffer {
  const png = Buffer.from(SCENE);
  png.fill(0x55, 4000, 8000);
  return png;
}

describe("a wrong name or option", () => {
  test.each<[path: string, words: RegExp]>([
    ["cany", /did you mean canny/],
    ["depth_midsa", /did you mean depth_midas/],
    ["__proto__", /GET \/processors/],
    ["constructor", /GET \/processors/],
    ["%2e%2e%2fx", /no processor/],
    ["none", /no processor/],
    ["x".repeat(3000), /^.{0,200}$/],
  ])("processor %s", async (path, words) => {
    await expectRefusal(send(path), 404, "not-found", words);
  });

  test.each<[query: string, pointer: string, words: RegExp]>([
    ["low_treshold=3", "/low_treshold", /did you mean "low_threshold"/],
    ["low_threshold=abc", "/low_threshold", /wants a number/],
    ["low_threshold=", "/low_threshold", /wants a number/],
    ["low_threshold=NaN", "/low_threshold", /wants a number/],
    ["low_threshold=-1", "/low_threshold", /at least 0/],
    ["low_threshold=1&low_threshold=2", "/low_threshold", /wants a number/],
    ["aperture=4", "/aperture", /3, 5, 7/],
    ["l2_gradient=maybe", "/l2_gradient", /true or false/],
    ["detect_resolution=100000", "/detect_resolution", /at most 2048/],
    ["__proto__=1", "/__proto__", /unknown field/],
  ])("canny?%s", async (query, pointer, words) => {
    const problem = await expectRefusal(send(`canny?${query}`), 422, "invalid-request", words);
    expect(problem.errors).toContainEqual(expect.objectContaining({ pointer }));
  });

  test("a path that cannot be decoded, another route, another method, another form of the answer", async () => {
    await expectRefusal(send("%ff"), 400, "malformed-request", /%/);
    await expectRefusal(send("../x"), 404, "not-found", /no such route/);
    await expectRefusal(send("canny", SCENE, { accept: "application/json" }), 406, "not-acceptable", /image\/png/);
    const answer = await fetch(`${service.url}/image/canny`);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "OPTIONS, POST"]);
  });
});

describe("JSON", () => {
  test.each<[what: string, body: string, status: number, code: string, words: RegExp]>([
    ["cut off", '{"image": "AAAA', 400, "malformed-request", /not JSON/],
    ["deep", "[".repeat(100_000), 400, "malformed-request", /32 levels/],
    ["a list", "[]", 422, "invalid-request", /object/],
    ["without the picture", "{}", 422, "invalid-request", /image/],
    ["a number for the picture", '{"image": 5}', 422, "invalid-request", /string/],
    ["a further field", '{"image": "AAAA", "imgae": 1}', 422, "invalid-request", /unknown field/],
    ["text that is not base64", '{"image": "not base64!"}', 422, "invalid-request", /base64/],
    ["a picture that is none", `{"image": "${btoa("no picture at all")}"}`, 422, "unsupported-image", /PNG/],
  ])("%s", async (_, body, status, code, words) => {
    await expectRefusal(send("canny", body), status, code, words);
  });

  test.each<[url: string, words: RegExp]>([
    ["http://127.0.0.1/x.png", /public internet/],
    ["http://127.0.0.1:9/x.png", /Port 9/],
    ["http://2130706433/", /public internet/],
    ["http://[::1]/", /public internet/],
    ["http://10.0.0.1/", /public internet/],
    ["http://169.254.169.254/latest/meta-data", /public internet/],
    ["file:///etc/passwd", /http:\/\/ or https:\/\//],
    ["ftp://example.com/x.png", /http:\/\/ or https:\/\//],
  ])("a picture at %s is not fetched", async (url, words) => {
    const problem = await expectRefusal(send("canny", JSON.stringify({ image: url })), 422, "source-forbidden", words);
    expect(problem.errors?.[0]?.pointer).toBe("/image");
  });

  test("a picture at a host that the operator named is fetched", async () => {
    const { port } = pictures.address() as AddressInfo;
    const byUrl = await send("canny", JSON.stringify({ image: `http://localhost:${port}/scene.png` }));
    expect(byUrl.answer.status).toBe(200);
    const [fetched, sent] = await Promise.all([byUrl.answer.arrayBuffer(), (await send("canny")).answer.arrayBuffer()]);
    expect(Buffer.from(fetched).equals(Buffer.from(sent))).toBe(true);
  });
});

test("after all that, pictures are still made", async () => {
  expect((await send("depth_midas")).answer.status).toBe(200);
});
