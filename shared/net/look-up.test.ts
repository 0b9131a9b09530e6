import { createSocket } from "node:dgram";
import { setMaxListeners } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { policy, serve } from "../../testing/loopback.js";
import { fetchSource } from "./fetch-source.js";
import { foreignLookUp, ownLookUp } from "./look-up.js";

const STAYING = new AbortController().signal;
const [A, AAAA] = [1, 28];
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A DNS server: `answer` gives the address's bytes, none for a name without one, or undefined to keep silent. */
async function dnsServer(answer: (name: string, type: number) => number[] | undefined) {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (question, { port, address }) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = question[at]!; length > 0; length = question[at]!) {
      labels.push(question.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const [name, type] = [labels.join("."), question.readUInt16BE(at + 1)];
    asked.push(`${name} ${type}`);
    const bytes = answer(name, type);
    if (!bytes) return;
    const head = Buffer.from(question.subarray(0, at + 5));
    head.set([0x81, 0x80, 0, 1, 0, bytes.length > 0 ? 1 : 0, 0, 0, 0, 0], 2);
    const record = bytes.length > 0 ? [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, bytes.length, ...bytes] : [];
    socket.send(Buffer.concat([head, Buffer.from(record)]), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  closers.push(() => socket.close());
  return { servers: [`127.0.0.1:${(socket.address() as AddressInfo).port}`], asked };
}

const IPV6 = [0x26, 6, 0x28, 0, ...Array(11).fill(0), 1];

test("a name has the addresses of both families", async () => {
  const { servers } = await dnsServer((_name, type) => (type === A ? [93, 184, 216, 34] : IPV6));
  expect(await foreignLookUp({ servers })("cat.example", STAYING)).toEqual(["93.184.216.34", "2606:2800::1"]);
});

test.each([
  ["without addresses of one family", (type: number) => (type === AAAA ? IPV6 : [])],
  ["whose server keeps one family to itself, for a while", (type: number) => (type === A ? [8, 8, 8, 8] : undefined)],
])("a name %s has the others", async (_what, answer) => {
  const { servers } = await dnsServer((_name, type) => answer(type));
  expect(await foreignLookUp({ servers })("cat.example", STAYING)).toHaveLength(1);
});

test("a name without any address is an error that says so", async () => {
  const { servers } = await dnsServer(() => []);
  await expect(foreignLookUp({ servers })("cat.example", STAYING)).rejects.toThrow("ENODATA");
});

test.each(["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "::1"])("nobody is asked for %s", async (name) => {
  const { servers, asked } = await dnsServer(() => [8, 8, 8, 8]);
  expect(await foreignLookUp({ servers })(name, STAYING)).toContain(name === "::1" ? "::1" : "127.0.0.1");
  expect(asked).toEqual([]);
});

test("a bounded number of names is looked up at once, and those given up make room at once", async () => {
  const { servers, asked } = await dnsServer((name, type) =>
    name.startsWith("slow") ? undefined : type === A ? [8, 8, 8, 8] : [],
  );
  const lookUp = foreignLookUp({ servers, maxInFlight: 2 });
  const leaving = new AbortController();
  const slow = [1, 2, 3].map((i) => lookUp(`slow${i}.example`, leaving.signal).catch((error: unknown) => error));
  const quick = lookUp("quick.example", STAYING);
  await delay(200);
  expect(new Set(asked)).toEqual(new Set([1, 2].flatMap((i) => [`slow${i}.example 1`, `slow${i}.example 28`])));
  leaving.abort(new Error("gone"));
  for (const left of slow) expect(await left).toMatchObject({ message: "gone" });
  expect(await quick).toEqual(["8.8.8.8"]);
  expect(asked.filter((question) => question.startsWith("slow3"))).toEqual([]);
});

test("one client's slow names take a quarter of the look-ups, and another's name is found meanwhile", async () => {
  const { servers, asked } = await dnsServer((name, type) =>
    name.startsWith("slow") ? undefined : type === A ? [8, 8, 8, 8] : [],
  );
  const lookUp = foreignLookUp({ servers, maxInFlight: 8 });
  const leaving = new AbortController();
  setMaxListeners(0, leaving.signal);
  const names = Array.from({ length: 20 }, (_, i) => `slow${i}.example`);
  const slow = names.map((name) => lookUp(name, leaving.signal, { client: "slow" }).catch((error: unknown) => error));
  expect(await lookUp("quick.example", STAYING, { client: "quick" })).toEqual(["8.8.8.8"]);
  expect(new Set(asked.map((question) => question.split(".")[0]))).toEqual(new Set(["slow0", "slow1", "quick"]));
  leaving.abort(new Error("gone"));
  for (const left of slow) expect(await left).toMatchObject({ message: "gone" });
  expect(await lookUp("quick.example", STAYING, { client: "slow" })).toEqual(["8.8.8.8"]);
});

test("the time for an answer's headers begins when the look-up's turn has come", async () => {
  const { servers } = await dnsServer((name, type) =>
    name.startsWith("slow") ? undefined : type === A ? [127, 0, 0, 1] : [],
  );
  const resolve = foreignLookUp({ servers, maxInFlight: 1 });
  const leaving = new AbortController();
  const slow = resolve("slow.example", leaving.signal).catch(() => {});
  const { host } = await serve((_req, res) => res.end("cat"));
  const waiting = `cat.example:${host.split(":")[1]}`;
  const fetched = fetchSource(`http://${waiting}/`, {
    policy: policy({ privateHosts: [waiting], headersMs: 1_000, totalMs: 60_000 }),
    resolve,
  });
  await delay(1_200);
  leaving.abort();
  await slow;
  expect(String(await fetched)).toBe("cat");
});

test("foreign names take no thread, however slow; the operator's own are found by the system meanwhile", async () => {
  const { host } = await serve((_req, res) => res.end("cat"));
  const own = `localhost:${host.split(":")[1]}`;
  const { servers } = await dnsServer(() => undefined);
  const leaving = new AbortController();
  const slow = Array.from({ length: 20 }, (_, i) =>
    fetchSource(`http://slow${i}.example/`, {
      policy: policy(),
      signal: leaving.signal,
      resolve: foreignLookUp({ servers }),
    }),
  );
  const ended = Promise.allSettled(slow);
  const got = await fetchSource(`http://${own}/`, { policy: policy({ privateHosts: [own] }), signal: STAYING });
  expect(String(got)).toBe("cat");
  leaving.abort();
  for (const { status } of await ended) expect(status).toBe("rejected");
});

test("a foreign name never goes to the system's resolver, a configured one does", async () => {
  const usesThread = () => process.getActiveResourcesInfo().some((name) => /GetAddrInfo/i.test(name));
  for (const [privateHosts, expected] of [
    [[], false],
    [["cat.invalid"], true],
  ] as const) {
    const leaving = new AbortController();
    const fetching = fetchSource("http://cat.invalid/", {
      policy: policy({ privateHosts: [...privateHosts] }),
      signal: leaving.signal,
    }).catch(() => {});
    const begun = usesThread(); // a name that the system knows not to exist is answered within a turn
    await turn();
    expect(begun || usesThread()).toBe(expected);
    leaving.abort();
    await fetching;
    while (usesThread()) await delay(5);
  }
});

test("those who ask the system for one name at the same time share the answer", async () => {
  const before = process.getActiveResourcesInfo().length;
  const all = Array.from({ length: 10 }, () => ownLookUp("localhost", STAYING));
  expect(process.getActiveResourcesInfo().length - before).toBe(1);
  expect(await all[9]).toContain("127.0.0.1");
});
