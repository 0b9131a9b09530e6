import { inflight } from "@armature/core";
import { request } from "undici";
import { expect, test } from "vitest";
import { z } from "zod";
import { rawExchange, roomyBudget, startService } from "../../testing/http-service.js";
import { createApp } from "./app.js";
import { jsonBody } from "./body.js";
import { createMetrics } from "./metrics.js";
import { documentGaps, type RouteDeclaration } from "./openapi.js";
import { createLogger } from "./request-log.js";
import { registeredRoutes } from "./routes.js";

test("liveness, readiness with its reason, and metrics answer", async () => {
  let reason: string | undefined = "The engine loads <tiny-sd>";
  const { url } = await startService(undefined, {
    app: { obstacle: () => (reason ? { reason, retryAfterS: 9 } : undefined) },
  });
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: "up" });
  const waiting = await fetch(`${url}/readyz`);
  expect([waiting.status, waiting.headers.get("Retry-After")]).toEqual([503, "9"]);
  expect(await waiting.json()).toMatchObject({ code: "not-ready", detail: reason });
  reason = undefined;
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: "ready" });
  const metrics = await fetch(`${url}/metrics`);
  expect(metrics.headers.get("Content-Type")).toContain("text/plain; version=0.0.4");
  expect(await metrics.text()).toContain('build_info{service="test",version="1.2.3",commit="unknown"} 1');
});

test("each answer has an id: the client's if it is a sane one, else a new one", async () => {
  const { url } = await startService();
  const idFor = async (id: string) =>
    (await fetch(`${url}/nowhere`, { headers: { "X-Request-Id": id } })).headers.get("X-Request-Id");
  expect(await idFor("trace-1/2:3")).toBe("trace-1/2:3");
  for (const bad of ["has space", "x".repeat(129), '{"$ne":1}']) expect(await idFor(bad)).toMatch(/^[0-9a-f-]{36}$/);
});

test("answers carry the headers that browsers heed, and none that names the software", async () => {
  const { url } = await startService();
  const { headers } = await fetch(`${url}/healthz`);
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("Content-Security-Policy")).toContain("default-src 'none'");
  expect(headers.get("X-Powered-By")).toBeNull();
});

test("unknown routes and methods answer in the form of all errors", async () => {
  const { url } = await startService((router) => {
    router.get("/things/:id", (_req, res) => void res.json({}));
    router.delete("/things/:id", (_req, res) => void res.json({}));
  });
  const unknown = await fetch(`${url}/nowhere?secret=1`);
  expect([unknown.status, unknown.headers.get("Content-Type")]).toEqual([404, "application/problem+json"]);
  expect(await unknown.json()).toMatchObject({ code: "not-found" });
  const post = await fetch(`${url}/things/1`, { method: "POST" });
  expect([post.status, post.headers.get("Allow")]).toEqual([405, "DELETE, GET, HEAD, OPTIONS"]);
  expect(await post.json()).toMatchObject({ code: "method-not-allowed" });
});

test("HEAD answers as GET without a body, OPTIONS names the methods", async () => {
  const { url } = await startService((router) => router.post("/work", (_req, res) => void res.json({})));
  const head = await fetch(`${url}/healthz`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  expect(head.headers.get("Content-Length")).toBe("15");
  const options = await fetch(`${url}/work`, { method: "OPTIONS" });
  expect([options.status, options.headers.get("Allow")]).toEqual([204, "OPTIONS, POST"]);
  expect((await fetch(`${url}/nowhere`, { method: "OPTIONS" })).status).toBe(404);
  expect((await fetch(`${url}/nowhere`, { method: "HEAD" })).status).toBe(404);
});

test("a path that cannot be decoded is a 400, odd ones are a 404", async () => {
  const { url, port } = await startService((router) =>
    router.get("/things/:id", (req, res) => void res.json(req.params)),
  );
  const bad = await fetch(`${url}/things/%ff`);
  expect(bad.status).toBe(400);
  expect(await bad.json()).toMatchObject({ code: "malformed-request", detail: expect.stringContaining("%") });
  for (const path of ["/%ff", "/__proto__", "/things/..%2f..%2fetc", "//"]) {
    const answer = await rawExchange(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(path === "/things/..%2f..%2fetc" ? /^HTTP\/1.1 200 / : /^HTTP\/1.1 404 /);
  }
});

test("HTTP/1.1 without a Host header is a 400 in our form", async () => {
  const { port } = await startService();
  const answer = await rawExchange(port, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(answer).toContain('"code":"malformed-request"');
});

const ROUTES: RouteDeclaration[] = [
  {
    method: "post",
    path: "/things/:kind",
    tag: "Things",
    summary: "Makes a <thing>",
    params: z.object({ kind: z.enum(["round", "flat"]) }),
    query: z.object({ size: z.coerce.number().int().min(1).max(9).default(3).describe("Size in cm") }),
    request: { "application/json": z.strictObject({ id: z.string() }).meta({ id: "Thing" }) },
    responses: { 200: { description: "It", content: { "image/png": "binary" }, headers: { "X-Seed": "The seed" } } },
    problems: ["invalid-request", "unsupported-image", "queue-full"],
  },
];

test("the document is served, and says what the table of routes says", async () => {
  const { url } = await startService(
    (router) =>
      router.post("/things/:kind", jsonBody({ maxBytes: 10, budget: roomyBudget() }), (_req, res) => res.end()),
    {
      app: { routes: ROUTES },
    },
  );
  const { body } = await request(`${url}/openapi.json`);
  const document = (await body.json()) as { openapi: string; paths: Record<string, unknown>; components: object };
  expect(document.openapi).toBe("3.1.0");
  expect(Object.keys(document.paths)).toEqual([
    "/things/{kind}",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
  ]);
  expect(document.paths["/things/{kind}"]).toMatchObject({
    post: {
      operationId: "postThingsKind",
      parameters: [
        { name: "kind", in: "path", required: true, schema: { enum: ["round", "flat"] } },
        {
          name: "size",
          in: "query",
          required: false,
          description: "Size in cm",
          schema: { minimum: 1, maximum: 9, default: 3 },
        },
      ],
      requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } },
      responses: {
        200: { headers: { "X-Seed": { description: "The seed" } } },
        422: { description: "Invalid request (`invalid-request`); Unsupported image (`unsupported-image`)" },
        429: { content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } } },
      },
    },
  });
  expect(document.components).toMatchObject({
    schemas: { Thing: { properties: { id: { type: "string" } }, required: ["id"], additionalProperties: false } },
  });
});

test("a schema that differs for sending and getting is in the document twice", () => {
  const Shape = z.object({ size: z.number().default(1) }).meta({ id: "Shape" });
  const [route] = ROUTES;
  const both = {
    ...route!,
    request: { "application/json": Shape },
    responses: { 200: { description: "It", content: { "application/json": Shape } } },
  };
  const { document } = appWith([both]);
  expect(document.components.schemas.Shape?.required).toBeUndefined();
  expect(document.components.schemas.ShapeOutput?.required).toEqual(["size"]);
  expect(document.paths["/things/{kind}"]?.post?.responses[200]?.content).toEqual({
    "application/json": { schema: { $ref: "#/components/schemas/ShapeOutput" } },
  });
});

test("a route that is served but not in the document is found, and one the other way round", () => {
  const undocumented = appWith([]);
  undocumented.handle.get("/hidden/:id", (_req, res) => void res.end());
  expect(documentGaps(undocumented.document, registeredRoutes(undocumented.handle))).toEqual([
    "GET /hidden/{id} is served but not documented",
  ]);
  const { document, handle } = appWith(ROUTES);
  expect(documentGaps(document, registeredRoutes(handle))).toEqual([
    "POST /things/{kind} is documented but not served",
  ]);
});

test("the page for people shows every route, loads nothing and runs nothing", async () => {
  const { url } = await startService(undefined, { app: { routes: ROUTES } });
  const response = await fetch(`${url}/docs`);
  const html = await response.text();
  expect(response.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
  expect(response.headers.get("Content-Security-Policy")).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+'; /);
  for (const text of [
    "/things/{kind}",
    "Makes a &lt;thing&gt;",
    "Size in cm",
    "integer 1..9 = <code>3</code>",
    "queue-full",
    "<code>test</code>",
  ]) {
    expect(html).toContain(text);
  }
  expect(html).not.toMatch(/<script|https?:\/\/|\son\w+=|style="/);
});

function appWith(routes: RouteDeclaration[]) {
  return createApp({
    info: { title: "Test", version: "1", description: "" },
    log: createLogger({ level: "silent", service: "test", version: "1" }),
    metrics: createMetrics({ service: "test", version: "1" }),
    access: {},
    inflight: inflight(512e6),
    routes,
    routers: [],
    obstacle: () => undefined,
  });
}
