import { type AppError, CORE_ERRORS, InvalidConfig, InvalidModel, InvalidRequest, NotFound } from "@armature/core";
import { ENGINE_ERRORS, EngineUnavailable } from "@armature/engine";
import { PICTURE_ERRORS, UnsupportedImage } from "@armature/images";
import { JOBS_ERRORS, QueueFull } from "@armature/jobs";
import { SOURCE_ERRORS } from "@armature/net";
import { expect, test } from "vitest";
import { UPSTREAM_ERRORS } from "../../services/diffusion/src/control-images/errors.js";
import { startService, until } from "../../testing/http-service.js";
import { HTTP_ERRORS, MethodNotAllowed, NotReady } from "./errors.js";
import { PROBLEMS, toProblem } from "./problem.js";

const TABLE = {
  ...CORE_ERRORS,
  ...ENGINE_ERRORS,
  ...PICTURE_ERRORS,
  ...JOBS_ERRORS,
  ...SOURCE_ERRORS,
  ...HTTP_ERRORS,
  ...UPSTREAM_ERRORS,
};

/** What the classes are made with that take more than a message. */
const ARGUMENTS: Record<string, unknown[]> = {
  "invalid-request": [[{ pointer: "/a", detail: "wants a string" }]],
  "method-not-allowed": ["no", ["GET", "HEAD"]],
  "queue-full": [12],
  draining: [3],
};

/** One of each class, so that a class without a row cannot be forgotten. */
const EXAMPLES: AppError[] = Object.entries(TABLE).map(([code, Class]) =>
  Reflect.construct(Class, ARGUMENTS[code] ?? ["the message"]),
);

test("every class of errors has its row, and every row its class", () => {
  expect(
    EXAMPLES.map(({ code }) => code)
      .concat("internal-error")
      .sort(),
  ).toEqual(Object.keys(PROBLEMS).sort());
});

test.each(EXAMPLES)("$code has its status and title", (error) => {
  const { status, body } = toProblem(error, "id-1");
  expect(status).toBeGreaterThanOrEqual(400);
  expect(body).toMatchObject({ type: `/docs#${error.code}`, status, code: error.code, request_id: "id-1" });
  expect(body.title).not.toBe("");
});

test("what concerns files or settings of the server is not told", () => {
  const secret = "/srv/models/secret.safetensors: bad";
  for (const Class of [InvalidModel, InvalidConfig, Error]) {
    expect(JSON.stringify(toProblem(new Class(secret)))).not.toContain("secret");
  }
});

test.each([
  [new QueueFull(12), { "Retry-After": "12" }],
  [new EngineUnavailable("starting", 1.2), { "Retry-After": "2" }],
  [new NotReady("loading"), { "Retry-After": "5" }],
  [new MethodNotAllowed("no", ["GET", "HEAD"]), { Allow: "GET, HEAD" }],
  [new NotFound("no"), {}],
])("%s has the headers that belong to it", (error, headers) => {
  expect(toProblem(error).headers).toEqual(headers);
});

test("a wrong field is pointed at, whatever the error", () => {
  const image = new UnsupportedImage("This is no picture");
  image.pointer = "/image";
  expect(toProblem(image).body.errors).toEqual([{ pointer: "/image", detail: "This is no picture" }]);
  expect(toProblem(new InvalidRequest([{ pointer: "/a", detail: "wants a string" }])).body).toMatchObject({
    detail: "/a: wants a string",
    errors: [{ pointer: "/a", detail: "wants a string" }],
  });
  expect(toProblem(new NotFound("no")).body.errors).toBeUndefined();
});

test("an unknown error shows no detail, and is logged with its stack", async () => {
  const { url, log } = await startService((router) => {
    router.get("/boom", () => {
      throw new TypeError("password is hunter2");
    });
    router.get("/string", () => Promise.reject("hunter2"));
  });
  const response = await fetch(`${url}/boom`, { headers: { "X-Request-Id": "mine" } });
  expect(response.status).toBe(500);
  const text = await response.text();
  expect(JSON.parse(text)).toEqual({
    type: "/docs#internal-error",
    title: "Internal error",
    status: 500,
    code: "internal-error",
    request_id: "mine",
  });
  await until(() => log.length > 0);
  expect(log[0]).toMatchObject({ level: "error", status: 500, code: "internal-error", requestId: "mine" });
  expect(log[0]?.err).toMatchObject({ type: "TypeError", stack: expect.stringContaining("problem.test.ts") });
  expect((await fetch(`${url}/string`)).status).toBe(500);
});

test("a fault that shows after the client has left is logged all the same", async () => {
  const controller = new AbortController();
  const { url, log } = await startService((router) => {
    router.get("/late", async (_req, res) => {
      controller.abort();
      await new Promise((resolve) => res.once("close", resolve));
      throw new Error("broken later");
    });
  });
  const gone = fetch(`${url}/late`, { signal: controller.signal });
  await expect(gone).rejects.toThrow();
  await until(() => log.length > 1);
  expect(log[0]).toMatchObject({ status: 499, level: "info", route: "/late" });
  expect(log[1]).toMatchObject({ level: "error", err: { message: "broken later" }, requestId: log[0]?.requestId });
});

test("an answer that breaks halfway is cut off rather than finished", async () => {
  const { url, log } = await startService((router) => {
    router.get("/half", (_req, res) => {
      res.write("half");
      throw new Error("broken");
    });
  });
  await expect(fetch(`${url}/half`).then((response) => response.text())).rejects.toThrow();
  await until(() => log.length > 0);
  expect(log[0]).toMatchObject({ level: "error", code: "internal-error", err: { message: "broken" } });
});
