import type { Router } from "express";
import { Router as createRouter } from "express";
import { request } from "undici";
import { describe, expect, test } from "vitest";
import { rawExchange, startService } from "../../testing/http-service.js";
import { type Access, isLoopback } from "./access.js";

const work = (router: Router) => {
  router.post("/work", (_req, res) => void res.vary("Accept").json({ done: true }));
};

/** A service with a route for all, `POST /work`, and one for operators, `POST /nets/:type/unload`, which counts its calls. */
async function service(access: Access = {}) {
  let unloaded = 0;
  const operators = createRouter().post("/nets/:type/unload", (_req, res) => void res.json({ unloaded: ++unloaded }));
  const { url, port } = await startService(work, { app: { access, operatorRouters: [operators] } });
  const ask = async (path: string, headers: Record<string, string> = {}, body?: string) => {
    const answer = await request(url + path, { method: "POST", headers, body: body ?? null });
    const { code } = (await answer.body.json()) as { code?: string };
    return code ?? answer.statusCode;
  };
  return { url, port, ask, unloaded: () => unloaded };
}

describe("an operator route", () => {
  test("is out of reach for pages of other sites, and does nothing for them", async () => {
    const { ask, unloaded, url } = await service();
    const unload = (headers: Record<string, string>) => ask("/nets/depth/unload", headers);
    const form = "application/x-www-form-urlencoded";
    expect(await unload({ Origin: "https://evil.example", "Content-Type": form })).toBe("foreign-origin");
    expect(await unload({ Origin: "null" })).toBe("foreign-origin");
    expect(await unload({ "Sec-Fetch-Site": "cross-site" })).toBe("foreign-origin");
    expect(await unload({ "Sec-Fetch-Site": "same-site" })).toBe("foreign-origin");
    expect(await unload({ Origin: url.replace(/\d+$/, "1"), "Sec-Fetch-Site": "same-origin" })).toBe("foreign-origin");
    expect(unloaded()).toBe(0);
  });

  test("serves programs and the service's own pages", async () => {
    const { ask, url } = await service();
    expect(await ask("/nets/depth/unload")).toBe(200);
    expect(await ask("/nets/depth/unload", { Origin: url, "Sec-Fetch-Site": "same-origin" })).toBe(200);
    expect(await ask("/nets/depth/unload", { "Sec-Fetch-Site": "none" })).toBe(200);
  });

  test("takes no body that a form can send", async () => {
    const { ask } = await service();
    const send = (type: string) => ask("/nets/depth/unload", { "Content-Type": type }, "{}");
    expect(await send("application/x-www-form-urlencoded")).toBe("unsupported-media-type");
    expect(await send("text/plain")).toBe("unsupported-media-type");
    expect(await send("application/json")).toBe(200);
  });

  test("is not opened by CORS_ORIGINS", async () => {
    const { ask } = await service({ corsOrigins: ["https://app.example"] });
    expect(await ask("/nets/depth/unload", { Origin: "https://app.example" })).toBe("foreign-origin");
  });
});

describe("the Host header", () => {
  const OWN = [
    "localhost",
    "LOCALHOST:1111",
    "a.localhost",
    "127.0.0.1",
    "10.1.2.3:80",
    "[::1]:1111",
    "armature",
    "Armature.:1",
  ];

  test.each([
    ["names of the service and addresses pass everywhere", true, OWN, [200, 200]],
    [
      "another name is refused on every route of a service that listens on loopback",
      true,
      ["evil.example"],
      [421, 421],
    ],
    ["another name is refused on operator routes alone elsewhere", false, ["evil.example:1111"], [200, 421]],
  ])("%s", async (_name, loopbackOnly, hosts, expected) => {
    const { port } = await service({ loopbackOnly, hosts: ["armature"] });
    for (const host of hosts) {
      const statuses = ["/work", "/nets/depth/unload"].map(async (path) => {
        const answer = await rawExchange(port, `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
        return Number(answer.split(" ")[1]);
      });
      expect([host, await Promise.all(statuses)]).toEqual([host, expected]);
    }
  });

  test.each([["Host: a\r\nHost: a"], ["Host: a\r\nhost: b"], ["Host: a b"], ["Host: a/b"], ["Host: a@b"], ["Host:"]])(
    "%j is a 400",
    async (lines) => {
      const { port } = await service();
      const answer = await rawExchange(port, `GET /healthz HTTP/1.1\r\n${lines}\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1.1 400 .*malformed-request/s);
    },
  );

  test("a name that a trusted proxy forwards is checked beside it, and stands in for none", async () => {
    const { ask } = await service({ loopbackOnly: true, trustProxy: 1, hosts: ["armature"] });
    const as = (host: string, forwarded: string) => ask("/work", { Host: host, "X-Forwarded-Host": forwarded });
    expect(await as("evil.example", "localhost")).toBe("host-not-served");
    expect(await as("127.0.0.1:1111", "evil.example")).toBe("host-not-served");
    expect(await as("127.0.0.1:1111", "armature")).toBe(200);
  });

  test("loopback is recognised by the address that is listened on", () => {
    expect(["127.0.0.1", "127.9.9.9", "::1", "localhost"].map(isLoopback)).toEqual([true, true, true, true]);
    expect(["::", "0.0.0.0", "10.0.0.1", "127.example"].map(isLoopback)).toEqual([false, false, false, false]);
  });
});

describe("CORS", () => {
  const ORIGIN = "https://app.example";
  const PREFLIGHT = {
    Origin: ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
  };
  const options = (url: string, headers: Record<string, string>) =>
    fetch(`${url}/work`, { method: "OPTIONS", headers });
  const corsOf = ({ headers }: Response) => [...headers.keys()].filter((name) => name.startsWith("access-control-"));

  test("is off unless origins are named", async () => {
    const { url } = await service();
    expect(corsOf(await options(url, PREFLIGHT))).toEqual([]);
    expect(corsOf(await fetch(`${url}/work`, { method: "POST", headers: { Origin: ORIGIN } }))).toEqual([]);
  });

  test("a named origin may ask beforehand, and read the answer, its headers and its problems", async () => {
    const { url } = await service({ corsOrigins: [ORIGIN] });
    const preflight = await options(url, PREFLIGHT);
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-methods": "OPTIONS, POST",
      "access-control-allow-headers": "content-type",
      "access-control-max-age": "600",
      vary: "Origin, Access-Control-Request-Headers",
    });
    const answer = await fetch(`${url}/work`, { method: "POST", headers: { Origin: ORIGIN } });
    expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(answer.headers.get("access-control-expose-headers")).toContain("X-Request-Id");
    expect(answer.headers.get("vary")).toBe("Origin, Accept");
    const problem = await fetch(`${url}/nowhere`, { headers: { Origin: ORIGIN } });
    expect([problem.status, problem.headers.get("access-control-allow-origin")]).toEqual([404, ORIGIN]);
  });

  test("another origin gets no permission, and caches are told that it depends", async () => {
    const { url } = await service({ corsOrigins: [ORIGIN] });
    const refused = await options(url, { ...PREFLIGHT, Origin: "https://app.example.evil.example" });
    expect([corsOf(refused), refused.headers.get("vary")]).toEqual([[], "Origin"]);
    expect((await fetch(`${url}/healthz`)).headers.get("vary")).toBe("Origin");
  });

  test("* is every origin", async () => {
    const { url } = await service({ corsOrigins: ["*"] });
    expect((await options(url, PREFLIGHT)).headers.get("access-control-allow-origin")).toBe("*");
  });
});
