/** Addresses that lead inside (server-side request forgery): each form of them, and whether anything was asked for. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { DEFAULT_SOURCE_POLICY, fetchSource, type SourcePolicy } from "@armature/net";
import type { FaultRow } from "./fault-row.js";

/** Ways to write this machine, its network, or a cloud's metadata service. */
const HOSTS: Record<string, readonly string[]> = {
  "address: the machine itself, as numbers of every base": [
    "127.0.0.1",
    "127.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "127.0.0.1.",
    "①②⑦.⓪.⓪.①",
  ],
  "address: the machine itself, by IPv6 and what IPv6 wraps": [
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
  ],
  "address: private networks and metadata services": [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
  ],
  "address: names of the machine itself": ["localhost", "LOCALHOST", "localhost.", "%6cocalhost", "a.localhost"],
};

/** Addresses that are refused by their form, before anything is looked up. */
const FORMS = [
  "file:///etc/hostname",
  "ftp://example.org/a.png",
  "gopher://example.org/_a",
  "javascript:alert(1)",
  "http://user:password@example.org/a.png",
  "http://example.org\\@127.0.0.1/",
  "http://exam\nple.org/",
  "http:///a.png",
];

/** Tries every form against a server on this machine that must hear of none, again and again up to about `cases` addresses. */
export async function forbiddenAddresses(cases: number): Promise<FaultRow[]> {
  const inside = await insideServer();
  const policy: SourcePolicy = { ...DEFAULT_SOURCE_POLICY, ports: undefined, totalMs: 2_000, headersMs: 1_000 };
  const asked = async (url: string): Promise<string | undefined> => {
    const before = inside.heard();
    const code = await fetchSource(url, { policy }).then(
      () => "answered",
      (error: { code?: string }) => error.code,
    );
    if (inside.heard() > before) return `${url} was asked for`;
    return code?.startsWith("source-") ? undefined : `${url}: ${code}`;
  };
  try {
    const rows = Object.entries(HOSTS).map(([kind, hosts]) => ({
      kind,
      urls: hosts.map((host) => `http://${host}:${inside.port}/`),
    }));
    rows.push({ kind: "address: schemes, passwords and forms that are none", urls: FORMS });
    const rounds = Math.max(1, Math.round(cases / rows.reduce((total, { urls }) => total + urls.length, 0)));
    return await Promise.all(rows.map(({ kind, urls }) => rowOf(kind, repeated(urls, rounds), asked)));
  } finally {
    inside.close();
  }
}

async function rowOf(
  kind: string,
  urls: readonly string[],
  asked: (url: string) => Promise<string | undefined>,
): Promise<FaultRow> {
  const faults: string[] = [];
  for (const url of urls) {
    const fault = await asked(url);
    if (fault) faults.push(fault);
  }
  return { kind, tried: urls.length, held: urls.length - faults.length, ...(faults[0] && { worst: faults[0] }) };
}

const repeated = (urls: readonly string[], rounds: number): string[] => Array(rounds).fill(urls).flat();

/** Listens on every address of this machine, and counts connections. */
async function insideServer(): Promise<{ port: number; heard(): number; close(): void }> {
  const server: Server = createServer((_, res) => res.end("secret"));
  let heard = 0;
  server.on("connection", () => heard++);
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, heard: () => heard, close: () => server.close() };
}
