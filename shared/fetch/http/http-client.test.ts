/** Bodies through pooled memory, in the clear, over TLS and through a proxy: every byte in its place. */
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { ByteSink } from "../sources/source.js";
import { noise } from "../testing/content.js";
import { LOOPBACK_TLS } from "../testing/tls-certificate.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { HttpClient } from "./http-client.js";

const BYTES = noise(20_000_000, 5);
const LIMITS = { stallTimeoutMs: 2000, connectTimeoutMs: 1000 };
const never = new AbortController().signal;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function client(options: Partial<ConstructorParameters<typeof HttpClient>[0]> = {}): HttpClient {
  const opened = new HttpClient({ ...LIMITS, ...options });
  closing.push(() => void opened.close());
  return opened;
}

/** Keeps the pieces for a while before it copies them: memory that is used again too early shows. */
class SlowSink implements ByteSink {
  readonly whole = new Uint8Array(BYTES.length);
  #held: { bytes: Uint8Array; at: number; done: (() => void) | undefined }[] = [];
  #position = 0;
  pauses = 0;

  begin(): void {}

  write(bytes: Uint8Array, done?: () => void): Promise<void> | undefined {
    this.#held.push({ bytes, at: this.#position, done });
    this.#position += bytes.length;
    if (this.#held.length < 8) return undefined;
    this.pauses++;
    return new Promise((resolve) => setTimeout(() => resolve(this.settle()), 1));
  }

  settle(): void {
    for (const { bytes, at, done } of this.#held.splice(0)) {
      this.whole.set(bytes, at);
      done?.();
    }
  }
}

async function fetchAll(http: HttpClient, url: string): Promise<SlowSink> {
  const sink = new SlowSink();
  await http.stream(new URL(url), {}, never, () => sink);
  sink.settle();
  return sink;
}

test("a long body arrives whole while the reader is slow, many at once, on connections that are used again", async () => {
  const connections = new Set<unknown>();
  const server = createServer((req, res) => {
    connections.add(req.socket);
    res.end(BYTES);
  });
  const host = await listen(server);
  const http = client();
  for (let round = 0; round < 2; round++) {
    const sinks = await Promise.all([1, 2, 3].map((i) => fetchAll(http, `http://${host}/${i}`)));
    for (const sink of sinks) {
      expect(Buffer.compare(sink.whole, BYTES)).toBe(0);
      expect(sink.pauses).toBeGreaterThan(0);
    }
  }
  expect(connections.size).toBeLessThan(6);
});

test("the same over TLS, with a certificate that is trusted; one that is not is an error", async () => {
  const server = createTlsServer(LOOPBACK_TLS, (_req, res) => res.end(BYTES));
  const host = await listen(server);
  const sink = await fetchAll(client({ tls: { ca: LOOPBACK_TLS.cert } }), `https://${host}/`);
  expect(Buffer.compare(sink.whole, BYTES)).toBe(0);
  await expect(fetchAll(client(), `https://${host}/`)).rejects.toThrow(/self-signed certificate/);
});

test("a proxy is used where it is set, and not for hosts that are excepted", async () => {
  const origin = await listen(createServer((_req, res) => res.end(BYTES)));
  let tunnels = 0;
  const httpProxy = `http://${await tunnel(() => tunnels++)}`;
  const sink = await fetchAll(client({ proxies: { httpProxy, noProxy: "" } }), `http://${origin}/`);
  expect(Buffer.compare(sink.whole, BYTES)).toBe(0);
  expect(tunnels).toBe(1);
  await fetchAll(client({ proxies: { httpProxy, noProxy: "127.0.0.1" } }), `http://${origin}/`);
  expect(tunnels).toBe(1);
});

/** A proxy that opens tunnels; `onTunnel` hears of each. Returns where it listens. */
function tunnel(onTunnel = () => {}): Promise<string> {
  const proxy = createServer();
  proxy.on("connect", (req, socket) => {
    onTunnel();
    const [hostname, port] = (req.url ?? "").split(":");
    const onward = connect(Number(port), hostname, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    onward.pipe(socket).pipe(onward);
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  return listen(proxy);
}

test.each<[string, (res: import("node:http").ServerResponse) => void, RegExp]>([
  [
    "a connection that is cut",
    (res) => res.writeHead(200, { "content-length": 10 }).write("abc", () => res.destroy()),
    /was cut/,
  ],
  ["no answer in time", () => {}, /no answer came in time/],
  [
    "a body that stalls",
    (res) => void res.writeHead(200, { "content-length": 10 }).write("abc"),
    /the connection stalled/,
  ],
])("%s is an unreachable source", async (_what, answer, message) => {
  const host = await listen(createServer((_req, res) => answer(res)));
  const fetching = client({ stallTimeoutMs: 100 }).text(new URL(`http://${host}/`), {}, never);
  await expect(fetching).rejects.toThrow(message);
  await expect(fetching).rejects.toMatchObject({ reason: "unreachable" });
});

test("what a sink refuses comes out as it is, and an abort with its reason", async () => {
  const host = await listen(createServer((_req, res) => res.end(BYTES)));
  const http = client();
  const url = new URL(`http://${host}/`);
  const refusal = new WeightsUnavailable("no-space", "full");
  const full: ByteSink = { begin: () => {}, write: () => Promise.reject(refusal) };
  await expect(http.stream(url, {}, never, () => full)).rejects.toBe(refusal);
  const thrower: ByteSink = {
    begin: () => {},
    write: () => {
      throw refusal;
    },
  };
  await expect(http.stream(url, {}, never, () => thrower)).rejects.toBe(refusal);
  const abort = new AbortController();
  const reason = new Error("enough");
  const aborter: ByteSink = { begin: () => {}, write: () => abort.abort(reason) as undefined };
  await expect(http.stream(url, {}, abort.signal, () => aborter)).rejects.toBe(reason);
  await expect(http.text(url, {}, AbortSignal.abort(reason))).rejects.toBe(reason);
});

test("an API's answer beyond all measure is cut off", async () => {
  const server = createServer((_req, res) => {
    const more = () => {
      while (!res.destroyed && res.write(Buffer.alloc(2 ** 20)));
    };
    res.on("drain", more);
    more();
  });
  const host = await listen(server);
  await expect(client().text(new URL(`http://${host}/`), {}, never)).rejects.toThrow(/too long/);
});

test.each(["directly", "through a proxy"])(
  "a connection that is closed while the sink asks to wait, %s, ends in a whole body",
  async (way) => {
    const bytes = BYTES.subarray(0, 90_000);
    const server = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", () => socket.end(bytes));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => server.close());
    const origin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const proxies = way === "directly" ? {} : { proxies: { httpProxy: `http://${await tunnel()}`, noProxy: "" } };
    const pieces: Buffer[] = [];
    const slow: ByteSink = {
      begin: () => {},
      write: (piece) => {
        pieces.push(Buffer.from(piece));
        return new Promise((resolve) => setTimeout(resolve, 50));
      },
    };
    await client(proxies).stream(new URL(`http://${origin}/`), {}, never, () => slow);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  },
);

test("a body that nobody wants is dropped, however long", async () => {
  const server = createServer((_req, res) => {
    const more = () => {
      while (!res.destroyed && res.write(Buffer.alloc(2 ** 16)));
    };
    res.writeHead(404).on("drain", more);
    more();
  });
  const host = await listen(server);
  const { status } = await client().stream(new URL(`http://${host}/`), {}, never, () => undefined);
  expect(status).toBe(404);
});

test("a text that comes drop by drop ends at its limit, which the error names", async () => {
  const server = createServer((_req, res) => {
    const timer = setInterval(() => res.write(" "), 10);
    res.once("close", () => clearInterval(timer));
  });
  const host = await listen(server);
  const reading = client().text(new URL(`http://${host}/`), {}, never, { bytes: 1000, ms: 200 });
  await expect(reading).rejects.toThrow(/no whole answer within 0\.2 s/);
});
