/**
 * Networks at their worst: every run injects faults at random places. What must come out is always the same: all files, equal
 * to the Hub's, or a clear error and a state from which the next run goes on. FAULT_RUNS sets the number of runs.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { noise } from "./testing/content.js";
import { type Fault, randomFault, seededRandom } from "./testing/faults.js";
import { controlnetFiles, DEPTH, depth, WEIGHTS, WeightsLab } from "./testing/weights-lab.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

const RUNS = Number(process.env.FAULT_RUNS ?? 150);
const AT_ONCE = 8;

let lab: WeightsLab;
beforeEach(async () => {
  lab = await WeightsLab.open();
});
afterEach(() => lab.close());

test(`${RUNS} runs with random faults: whole and hash-equal, or a clear error and a resumable state`, async () => {
  const outcomes = { complete: 0, refused: 0, reasons: new Set<string>(), faults: new Set<string>() };
  const seeds = Array.from({ length: RUNS }, (_, seed) => seed);
  const worker = async () => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      await oneRun(seed, outcomes).catch((error) => {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  console.info(
    `complete ${outcomes.complete}, refused ${outcomes.refused}: ${[...outcomes.reasons].sort().join(", ")}`,
  );
  expect(outcomes.complete + outcomes.refused).toBe(RUNS);
  expect(outcomes.complete).toBeGreaterThan(RUNS / 4);
  expect(outcomes.faults.size).toBeGreaterThanOrEqual(8);
}, 600_000);

async function oneRun(
  seed: number,
  outcomes: { complete: number; refused: number; reasons: Set<string>; faults: Set<string> },
) {
  const random = seededRandom(seed);
  const own = await WeightsLab.open();
  try {
    const size = 1000 + Math.floor(random() * 200_000);
    const bytes = noise(size, seed);
    own.server.publish(DEPTH, controlnetFiles(bytes));
    const share = 0.1 + random() * 0.5;
    own.server.fault = ({ path }) => {
      if (random() > share) return undefined;
      const fault = randomFault(random, path.startsWith("/api") ? 10 : 16_384);
      outcomes.faults.add(fault.kind);
      return fault;
    };
    const failure = await own.fetch().then(
      () => undefined,
      (error: unknown) => error,
    );
    await expectNoCorruptFile(own, bytes);
    if (failure === undefined) {
      outcomes.complete++;
      expect((await own.read(WEIGHTS)).equals(bytes)).toBe(true);
      return;
    }
    outcomes.refused++;
    expect(failure).toBeInstanceOf(WeightsUnavailable);
    outcomes.reasons.add((failure as WeightsUnavailable).reason);
    expect((failure as Error).message.length).toBeGreaterThan(20);

    own.server.fault = undefined;
    await own.fetch();
    expect((await own.read(WEIGHTS)).equals(bytes)).toBe(true);
    expect((await own.files()).filter((name) => /part|owner|journal/.test(name))).toEqual([]);
  } finally {
    await own.close();
  }
}

async function expectNoCorruptFile(own: WeightsLab, bytes: Uint8Array): Promise<void> {
  for (const name of await own.files()) {
    if (name.endsWith(WEIGHTS)) expect((await readFile(join(own.dir, name))).equals(bytes)).toBe(true);
    if (name.endsWith("config.json")) expect(JSON.parse(await readFile(join(own.dir, name), "utf8"))).toBeTruthy();
  }
}

/** One kind of fault at the given request for the weights on the content network. */
function faultOnce(fault: Fault, atRequest: number) {
  let seen = 0;
  lab.server.fault = ({ host }) => (host === "cdn" && seen++ === atRequest ? fault : undefined);
}

test.each<[string, Fault]>([
  ["a cut connection", { kind: "cut", after: 9000 }],
  ["a stalled one", { kind: "stall", after: 9000 }],
  ["one that was refused", { kind: "refuse" }],
  ["an overloaded server", { kind: "status", status: 503 }],
  ["other bytes than were asked for", { kind: "other-range" }],
])("%s in the middle costs no byte that had arrived", async (_name, fault) => {
  const bytes = lab.publishControlnet(100_000);
  faultOnce(fault, 3);
  await lab.fetch();
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  const wasted = fault.kind === "other-range" ? 16 * 1024 : 0;
  expect(lab.server.bytesSent).toBeLessThanOrEqual(100_034 + wasted);
  expect(lab.events.some(({ kind }) => kind === "retry")).toBe(true);
});

test("one wrong bit: the file is thrown away, fetched again and right", async () => {
  const bytes = lab.publishControlnet(100_000);
  faultOnce({ kind: "flip", at: 5000 }, 2);
  await lab.fetch();
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect(lab.events.filter(({ kind }) => kind === "discarded").length).toBe(1);
});

test("bytes that are always wrong end in an error, and never under the final name", async () => {
  lab.publishControlnet(100_000);
  lab.server.fault = ({ host }) => (host === "cdn" ? { kind: "flip", at: 1 } : undefined);
  const error = await lab.fetch().catch((reason: unknown) => reason);
  expect((error as WeightsUnavailable).reason).toBe("corrupt");
  expect((error as Error).message).toContain("is pinned");
  expect(await lab.files()).toEqual(["armature-weights.lock.json", `${DEPTH}/config.json`]);
});

test("a server that ignores ranges is read as one stream", async () => {
  const bytes = lab.publishControlnet(100_000);
  lab.server.fault = ({ host }) => (host === "cdn" ? { kind: "ignore-range" } : undefined);
  await lab.fetch();
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect(lab.server.requests.filter(({ host }) => host === "cdn").length).toBe(1);
});

test("content that changes while it is fetched, under the same address, is refused by its size or its hash", async () => {
  lab.publishControlnet(100_000);
  let seen = 0;
  lab.server.fault = ({ host }) => (host === "cdn" && seen++ > 2 ? { kind: "shorten", by: 10 } : undefined);
  const error = await lab.fetch().catch((reason: unknown) => reason);
  expect((error as Error).message).toContain("the file there has 99990 bytes, not 100000");
  expect((await lab.files()).includes(`${DEPTH}/${WEIGHTS}`)).toBe(false);
});

test("an expired link of the content network is resolved again", async () => {
  const bytes = lab.publishControlnet(100_000);
  faultOnce({ kind: "status", status: 403 }, 3);
  await lab.fetch(depth(), { tuning: { connectionsPerFile: 1 } });
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect(lab.server.count(/resolve.*fp16/)).toBe(2);
});

test("a rate limit is waited for as long as the server asks, and told of if that is too long", async () => {
  lab.publishControlnet(20_000);
  let limited = 0;
  const limit = (seconds: string): Fault => ({ kind: "status", status: 429, headers: { "retry-after": seconds } });
  lab.server.fault = ({ path }) => (path.includes("/tree/") && limited++ === 0 ? limit("1") : undefined);
  const start = performance.now();
  await lab.fetch();
  expect(performance.now() - start).toBeGreaterThan(1000);

  lab.server.fault = ({ path }) => (path.includes("config") ? limit("3600") : undefined);
  const other = await WeightsLab.open();
  try {
    other.publishControlnet(20_000);
    other.server.fault = lab.server.fault;
    const error = await other.fetch(depth()).catch((reason: unknown) => reason);
    expect((error as WeightsUnavailable).reason).toBe("rate-limited");
    expect((error as WeightsUnavailable).retryAfterS).toBe(3600);
    expect((error as Error).message).toContain("it asks to wait 3600 s");
  } finally {
    await other.close();
  }
});
