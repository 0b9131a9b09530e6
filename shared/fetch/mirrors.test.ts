/** Mirrors under a path, behind redirects and behind a login: later pages and redirects stay under it, the login goes nowhere else. */
import { cp, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HttpMirror } from "./sources/http-mirror.js";
import { DEPTH, depth, WEIGHTS, WeightsLab } from "./testing/weights-lab.js";

let lab: WeightsLab;
const closing: (() => void)[] = [];
beforeEach(async () => {
  lab = await WeightsLab.open();
});
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await lab.close();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The lab's Hub under `/hub`, with its links and redirects as the Hub wrote them. `outside` collects paths that were not under it. */
function hubUnderPath(outside: string[]): Promise<string> {
  return listen(async (req, res) => {
    const path = /^\/hub(\/.*)$/.exec(req.url ?? "")?.[1];
    if (!path) {
      outside.push(req.url ?? "");
      return void res.writeHead(404).end();
    }
    const { range } = req.headers;
    const answer = await fetch(lab.server.endpoint + path, { redirect: "manual", headers: range ? { range } : {} });
    for (const name of ["link", "location", "content-range", "etag"]) {
      const value = answer.headers.get(name);
      if (value) res.setHeader(name, value);
    }
    res.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
  });
}

test("a Hub under a path is asked for every page under that path, and a renamed repository is followed there", async () => {
  const bytes = lab.publishControlnet(50_000);
  lab.server.intercept = ({ path }, res) => {
    const moved = path.replace("old/name", DEPTH);
    if (moved !== path) res.writeHead(307, { location: moved }).end();
    return moved !== path;
  };
  const outside: string[] = [];
  const endpoint = `${await hubUnderPath(outside)}/hub/`;
  const selection = [{ ...depth()[0]!, repository: "old/name" }];
  await lab.fetch(selection, { source: lab.source({ endpoint }) });
  expect(outside).toEqual([]);
  expect(lab.server.count(/cursor=/)).toBeGreaterThan(0);
  expect((await lab.read(WEIGHTS, "old/name")).equals(bytes)).toBe(true);
});

/** A models' folder, fetched and moved away, to be served from. */
async function filled(): Promise<{ folder: string; bytes: Uint8Array }> {
  const bytes = lab.publishControlnet(50_000);
  const folder = join(lab.root, "elsewhere");
  await lab.fetch();
  await cp(lab.dir, folder, { recursive: true });
  await rm(lab.dir, { recursive: true });
  return { folder, bytes };
}

function serve(folder: string, prefix: string): RequestListener {
  return async (req, res) => {
    const path = req.url?.startsWith(prefix) ? decodeURIComponent(req.url.slice(prefix.length)) : "..";
    const body = path.includes("..") ? undefined : await readFile(join(folder, path)).catch(() => undefined);
    const range = /bytes=(\d+)-(\d+)/.exec(req.headers.range ?? "");
    if (!body) return void res.writeHead(404).end();
    if (!range) return void res.writeHead(200).end(body);
    const [start, end] = [Number(range[1]), Number(range[2])];
    res.writeHead(206, { "content-range": `bytes ${start}-${end}/${body.length}` }).end(body.subarray(start, end + 1));
  };
}

test("a mirror's redirects are followed from where they were answered, and its login goes to no other origin", async () => {
  const { folder, bytes } = await filled();
  const logins: Record<string, Set<string | undefined>> = { mirror: new Set(), store: new Set() };
  const store = await listen((req, res) => {
    logins.store!.add(req.headers.authorization);
    serve(folder, "/blobs/")(req, res);
  });
  const mirror = await listen((req, res) => {
    logins.mirror!.add(req.headers.authorization);
    const below = /^\/team\/weights\/(.*)$/.exec(req.url ?? "")?.[1];
    if (below === "armature-weights.lock.json") res.writeHead(302, { location: `../locks/${below}` }).end();
    else if (below) res.writeHead(307, { location: `${store}/blobs/${below}` }).end();
    else serve(folder, "/team/locks/")(req, res);
  });
  const source = new HttpMirror(mirror.replace("//", "//anna:s%C3%A4cret@").concat("/team/weights"), lab.client());
  await lab.fetch(depth(), { source });
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect([...logins.mirror!]).toEqual([`Basic ${Buffer.from("anna:säcret").toString("base64")}`]);
  expect([...logins.store!]).toEqual([undefined]);
  expect(source.name).toBe(`${mirror}/team/weights/`);
});

test.each(["http://[", "ftp://", "//"])("a redirect of a mirror to %s is an error for people", async (location) => {
  const mirror = await listen((_req, res) => res.writeHead(302, { location }).end());
  const source = new HttpMirror(mirror, lab.client());
  await expect(lab.fetch(depth(), { source })).rejects.toMatchObject({ reason: "unexpected-answer" });
  await expect(lab.fetch(depth(), { source })).rejects.toThrow(/redirects to .* which is no address of the web/);
});

test("an address that is none is wrong usage, not a stack", () => {
  expect(() => new HttpMirror("http://[bad", lab.client())).toThrow(/"http:\/\/\[bad" is no URL of a mirror/);
});
