/** What keeps a fetch within its bytes and its time. */
import { createServer as createTcpServer } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { BudgetFull, Cancelled, ImageTooLarge } from "@armature/core";
import { expect, test } from "vitest";
import { listen, policy, refused, serve } from "../../testing/loopback.js";
import { SourceUnreachable } from "./errors.js";
import { fetchSource } from "./fetch-source.js";

const PICTURE = Buffer.from("the bytes of a picture");

test("a declared length over the limit is refused without reading", async () => {
  let sent = 0;
  const { host } = await serve((_req, res) => {
    res.writeHead(200, { "content-length": 1e9 });
    const timer = setInterval(() => res.write(Buffer.alloc(1000), () => sent++), 1);
    res.on("close", () => clearInterval(timer));
  });
  const { error } = await refused(`http://${host}/`, { policy: policy({ privateHosts: [host], maxBytes: 1e6 }) });
  expect(error).toBeInstanceOf(ImageTooLarge);
  expect(error.message).toContain("longer than the 1000000 bytes");
  expect(sent).toBeLessThan(100);
});

test("an endless body is cut off at the limit, which is inclusive", async () => {
  const { host } = await serve((req, res) => {
    if (req.url === "/exact") {
      res.write(Buffer.alloc(600));
      res.end(Buffer.alloc(400));
      return;
    }
    const more = () => {
      while (!res.destroyed && res.write(Buffer.alloc(65_536)));
    };
    res.on("drain", more);
    more();
  });
  const limited = policy({ privateHosts: [host], maxBytes: 1000 });
  expect((await fetchSource(`http://${host}/exact`, { policy: limited })).length).toBe(1000);
  expect((await refused(`http://${host}/endless`, { policy: limited })).error).toBeInstanceOf(ImageTooLarge);
});

test.each([
  ["gzip", gzipSync],
  ["br", brotliCompressSync],
  ["deflate", deflateSync],
])("bytes count after %s is undone", async (encoding, compress) => {
  // made before it is asked for: brotli takes seconds on a busy machine, which would be the server's slowness
  const bodies = new Map([
    ["/bomb", compress(Buffer.alloc(20e6))],
    ["/cat", compress(PICTURE)],
  ]);
  const { host } = await serve((req, res) => {
    res.writeHead(200, { "content-encoding": encoding }).end(bodies.get(req.url!));
  });
  const limited = policy({ privateHosts: [host], maxBytes: 100_000 });
  expect(await fetchSource(`http://${host}/cat`, { policy: limited })).toEqual(PICTURE);
  expect((await refused(`http://${host}/bomb`, { policy: limited })).error).toBeInstanceOf(ImageTooLarge);
});

test("compressed bytes that are damaged, or in an unknown encoding, are an unreachable source", async () => {
  const { host } = await serve((req, res) => {
    res.writeHead(200, { "content-encoding": req.url?.slice(1) }).end("not compressed");
  });
  for (const encoding of ["gzip", "zstd"]) {
    const { error } = await refused(`http://${host}/${encoding}`, { policy: policy({ privateHosts: [host] }) });
    expect(error).toBeInstanceOf(SourceUnreachable);
  }
});

test.each([204, 206, 304, 404, 500])("status %i is an unreachable source that names it", async (status) => {
  const { host } = await serve((_req, res) => res.writeHead(status).end());
  const { error } = await refused(`http://${host}/`, { policy: policy({ privateHosts: [host] }) });
  expect(error).toBeInstanceOf(SourceUnreachable);
  expect(error.message).toContain(`status ${status}`);
});

test.each([
  ["a name that does not resolve", async () => Promise.reject(new Error("ENOTFOUND"))],
  ["a name without addresses", async () => []],
])("%s is an unreachable source", async (_name, resolve) => {
  const { error } = await refused("http://cat.example/", { resolve });
  expect(error).toBeInstanceOf(SourceUnreachable);
  expect(error.message).toContain("cat.example");
});

const SLOW: [name: string, server: () => Promise<string>][] = [
  ["accepts and says nothing", () => listen(createTcpServer(() => undefined))],
  [
    "never ends its headers",
    () => listen(createTcpServer((socket) => socket.on("error", () => undefined).write("HTTP/1.1 200 OK\r\n"))),
  ],
  [
    "drips its body",
    async () => {
      const { host } = await serve((_req, res) => {
        const timer = setInterval(() => res.write("."), 20);
        res.on("close", () => clearInterval(timer));
      });
      return host;
    },
  ],
];

test.each(SLOW)("a server that %s is given up in time", async (_name, server) => {
  const host = await server();
  const start = performance.now();
  const { error } = await refused(`http://${host}/`, {
    policy: policy({ privateHosts: [host], headersMs: 150, totalMs: 300 }),
  });
  expect(error).toBeInstanceOf(SourceUnreachable);
  expect(error.message).toMatch(/did not answer within 0\.(15|3) s/);
  expect(performance.now() - start).toBeLessThan(1500);
});

test("a resolver that hangs is given up in time", async () => {
  const { error } = await refused("http://cat.example/", {
    policy: policy({ headersMs: 100 }),
    resolve(_hostname, _signal, turn) {
      turn?.onTurn?.();
      return new Promise(() => undefined);
    },
  });
  expect(error.message).toContain("did not answer within 0.1 s");
});

test("a caller that leaves ends the fetch, and the server sees the connection close", async () => {
  const caller = new AbortController();
  let gone: Promise<void> | undefined;
  const { host } = await serve((_req, res) => {
    gone = new Promise((resolve) => res.on("close", resolve));
    caller.abort();
  });
  const { error } = await refused(`http://${host}/`, {
    policy: policy({ privateHosts: [host] }),
    signal: caller.signal,
  });
  expect(error).toBeInstanceOf(Cancelled);
  await gone;
  const { error: again, connections } = await refused(`http://${host}/`, {
    policy: policy({ privateHosts: [host] }),
    signal: caller.signal,
  });
  expect(again).toBeInstanceOf(Cancelled);
  expect(connections).toEqual([]);
});

test("a body that breaks off is an unreachable source", async () => {
  const { host } = await serve((_req, res) => {
    res.writeHead(200, { "content-length": 100 }).write("half");
    setTimeout(() => res.destroy(), 20);
  });
  const { error } = await refused(`http://${host}/`, { policy: policy({ privateHosts: [host] }) });
  expect(error).toBeInstanceOf(SourceUnreachable);
});

test("what will be held is told before it is: the declared length at once, else as it comes, then the file alone", async () => {
  const declared = await serve((_req, res) => {
    res.setHeader("Content-Length", 1_000).end(Buffer.alloc(1_000));
  });
  const chunked = await serve((_req, res) => {
    res.write(Buffer.alloc(300));
    setTimeout(() => res.end(Buffer.alloc(200)), 50);
  });
  const heldFor = async (host: string) => {
    const held: number[] = [];
    const privateHosts = { policy: policy({ privateHosts: [host] }) };
    await fetchSource(`http://${host}/`, { ...privateHosts, hold: (bytes) => void held.push(bytes) });
    return held;
  };
  expect(await heldFor(declared.host)).toEqual([2_000, 1_000]);
  expect(await heldFor(chunked.host)).toEqual([0, 600, 1_000, 500]);
});

test("a fetch that finds no room ends with what refused it, and its connection is closed", async () => {
  let closed = false;
  const { host } = await serve((_req, res) => {
    res.once("close", () => {
      closed = true;
    });
    res.setHeader("Content-Length", 1_000).write(Buffer.alloc(10));
  });
  const full = new BudgetFull("no room", 2);
  const refuse = () => {
    throw full;
  };
  const options = { policy: policy({ privateHosts: [host] }), hold: refuse };
  await expect(fetchSource(`http://${host}/`, options)).rejects.toBe(full);
  await expect.poll(() => closed).toBe(true);
});
