/** Malformed HTTP and hostile clients, from a seed: what was tried on a service, how often it held, and the worst that happened. */
import { connect } from "node:net";
import { seededRandom } from "@armature/fetch/testing/faults";
import { startService } from "../services.js";
import type { FaultRow } from "./fault-row.js";
import { hostileClients } from "./hostile-clients.js";

/** How long a client waits for the end of an exchange; slow ones are ended by the service in 10 s. */
const GIVE_UP_MS = 15_000;

/** Clients that come at once, per case. */
const CLIENTS_PER_CASE = 10;

/** What a client sends, and the statuses that may answer it; `closed`: the connection ends without an answer. */
interface Exchange {
  bytes: Buffer;
  allowed: readonly (number | "closed")[];
}

type Random = () => number;
type Kind = (random: Random) => Exchange;

const REQUEST = "GET /processors HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const text = (lines: string, allowed: Exchange["allowed"]): Exchange => ({
  bytes: Buffer.from(lines, "latin1"),
  allowed,
});
const pick = <T>(random: Random, values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
const head = (method: string, path: string, ...lines: string[]) =>
  `${[`${method} ${path} HTTP/1.1`, "Connection: close", ...lines].join("\r\n")}\r\n\r\n`;

const KINDS: Readonly<Record<string, Kind>> = {
  "HTTP: bytes of a sound request changed": (random) => {
    const bytes = Buffer.from(REQUEST);
    for (let i = 0; i < 3; i++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    return { bytes, allowed: [200, 204, 400, 404, 405, 408, 421, 431, "closed"] };
  },
  "HTTP: noise": (random) => ({
    bytes: Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256))),
    allowed: [400, 408, 431, "closed"],
  }),
  "HTTP: two ways to say how long the body is": (random) => {
    const lines = pick(random, [
      ["Content-Length: 5", "Transfer-Encoding: chunked"],
      ["Content-Length: 5", "Content-Length: 6"],
      ["Transfer-Encoding: chunked, identity"],
      ["Content-Length: +5"],
      ["Content-Length: 0x5"],
      ["Transfer-Encoding : chunked"],
    ]);
    return text(`${head("POST", "/image/canny", "Host: localhost", ...lines)}0\r\n\r\n${REQUEST}`, [400, 415]);
  },
  "HTTP: Host headers that are several, none, or no host's": (random) => {
    const lines = pick(random, [
      [],
      ["Host: localhost", "Host: evil"],
      ["Host: a b"],
      ["Host: a/b"],
      ["Host: x@y"],
      ["Host:"],
    ]);
    return text(head("GET", "/processors", ...lines), [400]);
  },
  "HTTP: a name that is not the service's, as after DNS rebinding": (random) => {
    const host = pick(random, ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:1111", "localhos"]);
    return text(head(pick(random, ["GET", "POST", "OPTIONS"]), "/processors", `Host: ${host}`), [421]);
  },
  "HTTP: header lines without end, and too many": (random) => {
    const lines = Array.from({ length: 1 + Math.floor(random() * 50) }, (_, i) => `A${i}: ${"x".repeat(20_000)}`);
    return text(head("GET", "/processors", "Host: localhost", ...lines), [431]);
  },
  "HTTP: bodies longer than the limits, declared or in chunks": (random) => {
    const type = "Content-Type: image/png";
    if (random() < 0.5) {
      const length = pick(random, ["99999999", "9007199254740991", "18446744073709551615"]);
      return text(head("POST", "/image/canny", "Host: localhost", type, `Content-Length: ${length}`), [400, 413]);
    }
    const chunk = `100000\r\n${"x".repeat(0x100000)}\r\n`;
    const chunks = chunk.repeat(40);
    const sent = head("POST", "/image/canny", "Host: localhost", type, "Transfer-Encoding: chunked") + chunks;
    return text(sent, [413, "closed"]);
  },
  "HTTP: JSON that is deep, wide, cut or no JSON": (random) => {
    const body = pick(random, [
      "[".repeat(10_000),
      `[${"1,".repeat(20_000)}1]`,
      '{"image":"',
      '{"__proto__":{"x":1},"image":"AAAA"}',
      '\ufeff{"image":1}',
      "\u00ff\u00fe",
    ]);
    const lines = [
      "Host: localhost",
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body, "latin1")}`,
    ];
    return text(head("POST", "/image/canny", ...lines) + body, [400, 422]);
  },
  "HTTP: paths that lead elsewhere": (random) => {
    const path = pick(random, ["/%ff", "/..%2f..%2fetc%2fpasswd", "//evil.example/", "/image/__proto__", "/%00", "*"]);
    return text(head(pick(random, ["GET", "DELETE", "PUT"]), path, "Host: localhost"), [400, 404, 405]);
  },
};

/** Tries each kind on one preprocessor, and after each an honest request; then hostile clients. Held: an allowed answer, and it still serves. */
export async function hostileHttp(cases: number, seed: number): Promise<FaultRow[]> {
  const random = seededRandom(seed);
  const each = Math.ceil(cases / Object.keys(KINDS).length);
  const service = await startService("preprocessor", { PORT: "0", LOG_LEVEL: "silent" });
  try {
    const rows: FaultRow[] = [];
    for (const [kind, make] of Object.entries(KINDS)) {
      rows.push(
        await tried(
          kind,
          Array.from({ length: each }, () => make(random)),
          service.url,
        ),
      );
    }
    return [...rows, ...(await hostileClients(service.url, CLIENTS_PER_CASE * each))];
  } finally {
    await service.stop();
  }
}

async function tried(kind: string, exchanges: readonly Exchange[], url: string): Promise<FaultRow> {
  const outcomes: { held: boolean; ms: number }[] = [];
  let through = "";
  for (const { bytes, allowed } of exchanges) {
    const start = performance.now();
    const answer = await exchanged(new URL(url), bytes);
    const held = answer !== "open" && allowed.includes(answer);
    if (!held) through = `, answered ${answer}`;
    outcomes.push({ held, ms: performance.now() - start });
  }
  const serves = await fetch(`${url}/processors`).then(
    ({ status }) => status === 200,
    () => false,
  );
  const slowest = Math.max(...outcomes.map(({ ms }) => ms));
  return {
    kind,
    tried: outcomes.length,
    held: serves ? outcomes.filter(({ held }) => held).length : 0,
    worst: `${slowest.toFixed(0)} ms${through}${serves ? "" : ", no answer after it"}`,
  };
}

/** The status of the first answer, once the service has closed the connection. */
function exchanged({ hostname, port }: URL, bytes: Buffer): Promise<number | "closed" | "open"> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let answer = "";
    const timer = setTimeout(() => {
      resolve("open");
      socket.destroy();
    }, GIVE_UP_MS);
    socket.setEncoding("latin1").on("data", (piece: string) => {
      if (answer.length < 100) answer += piece;
    });
    socket
      .on("error", () => {})
      .on("close", () => {
        clearTimeout(timer);
        resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]) || "closed");
      });
    socket.write(bytes);
  });
}
