/** What a job does outside its slot, who hears of it, and what is left of it. */
import { Cancelled, inflight } from "@armature/core";
import { expect, test } from "vitest";
import { FakeClock, settled } from "../../testing/fake-clock.js";
import { listen } from "../../testing/listen.js";
import { type TestJob, testJobs } from "../../testing/test-jobs.js";
import { blobName } from "./blobs.js";
import type { JobKind } from "./job-kind.js";
import { Jobs } from "./jobs.js";
import { MemoryBlobs } from "./memory/memory-blobs.js";
import { MemoryQueue } from "./memory/memory-queue.js";
import { MemoryJobStore } from "./memory/memory-store.js";

/** A step that ends when the test says so, or when it is aborted. */
function step() {
  const heard = { begun: 0, aborted: 0 };
  let end = () => {};
  let fail = (_error: Error) => {};
  const work = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      heard.begun++;
      end = resolve;
      fail = reject;
      signal.addEventListener("abort", () => {
        heard.aborted++;
        reject(signal.reason);
      });
    });
  return { work, heard, end: () => end(), fail: (error: Error) => fail(error) };
}

const UNHEARD = { started: () => {}, finished: () => {}, refused: () => {}, storeFailed: () => {} };

test("a job takes its slot when what it needs is there; meanwhile others start", async () => {
  const { run, started, clock, snapshot } = testJobs();
  const pictures = step();
  const waits: number[] = [];
  const slow = run("slow", { prepare: pictures.work, onStart: (waitedMs) => waits.push(waitedMs) });
  expect(await snapshot()).toMatchObject({ waiting: 1, running: 0, estimatedWaitS: 0 });
  run("quick", { client: "two" });
  await clock.advance(400);
  pictures.end();
  await clock.advance(400);
  expect(started).toEqual(["quick"]);
  await clock.advance(1_200);
  expect(await slow).toBe("slow");
  expect([started, waits]).toEqual([["quick", "slow"], [1_000]]);
});

test("what a job needs is gathered while it waits for its turn, once", async () => {
  const { run, started, clock } = testJobs();
  const pictures = step();
  run("running");
  run("waiting", { prepare: pictures.work });
  await settled();
  expect(pictures.heard.begun).toBe(1);
  pictures.end();
  await clock.advance(1_000);
  expect([started, pictures.heard.begun]).toEqual([["running", "waiting"], 1]);
});

test("a job that cannot be made ready fails at once, without a slot", async () => {
  const refused: string[] = [];
  const observer = { ...UNHEARD, refused: (code: string) => refused.push(code) };
  const { run, started, snapshot } = testJobs({ observer });
  const pictures = step();
  run("running");
  const failing = run("failing", { prepare: pictures.work });
  await settled();
  pictures.fail(new TypeError("no picture"));
  await expect(failing).rejects.toThrow("no picture");
  expect(await snapshot()).toMatchObject({ waiting: 0, running: 1 });
  expect([started, refused]).toEqual([["running"], ["internal-error"]]);
});

test("what waits stays packed until its turn is near: two are unpacked ahead, others by the order of their turns", async () => {
  const { run, started, clock, snapshot } = testJobs({ unpackedAhead: 2 });
  const unpacked: string[] = [];
  const packed = (name: string, client = "one") => run(name, { client, unpack: async () => unpacked.push(name) });
  for (const name of ["a", "b", "c", "d"]) packed(name);
  await settled();
  expect([started, unpacked]).toEqual([["a"], ["a", "b", "c"]]);
  packed("other's", "two");
  await clock.advance(1_000);
  expect([started, unpacked.slice(3)]).toEqual([["a", "b"], ["other's"]]);
  await clock.advance(4_000);
  expect(started).toEqual(["a", "b", "other's", "c", "d"]);
  expect(await snapshot()).toMatchObject({ waiting: 0, running: 0 });
});

test("the slot is taken when a job is unpacked; one that unpacks slowly holds up nobody", async () => {
  const { run, started, clock, snapshot } = testJobs({ unpackedAhead: 2 });
  const slow = step();
  const first = run("slow", { unpack: slow.work });
  await settled();
  expect(await snapshot()).toMatchObject({ waiting: 1, running: 0 });
  for (const name of ["b", "c"]) run(name, { unpack: async () => {} });
  await clock.advance(2_000);
  expect(started).toEqual(["b", "c"]);
  slow.end();
  await clock.advance(1_000);
  expect(await first).toBe("slow");
});

test("what cannot be unpacked fails its job, and one that is cancelled meanwhile makes room for the next", async () => {
  const { run, started, clock, snapshot } = testJobs();
  const damaged = run("damaged", { unpack: async () => Promise.reject(new TypeError("cut off")) });
  await expect(damaged).rejects.toThrow("cut off");
  const left = step();
  const client = new AbortController();
  const job = run("left", { unpack: left.work, signal: client.signal });
  run("next", { unpack: async () => {} });
  await settled();
  client.abort();
  await expect(job).rejects.toBeInstanceOf(Cancelled);
  await clock.advance(1_000);
  expect([left.heard, started]).toEqual([{ begun: 1, aborted: 1 }, ["next"]]);
  expect(await snapshot()).toMatchObject({ waiting: 0, running: 0 });
});

test.each<[string, (job: { leave: () => void; drain: () => Promise<void> }) => unknown]>([
  ["its client leaves", ({ leave }) => leave()],
  ["the service is shut down", ({ drain }) => void drain()],
])("what was begun for a waiting job ends when %s", async (_, end) => {
  const { jobs, run, snapshot } = testJobs();
  const pictures = step();
  const client = new AbortController();
  const job = run("a", { prepare: pictures.work, signal: client.signal });
  await settled();
  end({ leave: () => client.abort(), drain: () => jobs.drain() });
  await expect(job).rejects.toThrow();
  expect([pictures.heard, (await snapshot()).waiting]).toEqual([{ begun: 1, aborted: 1 }, 0]);
});

test("and when its deadline has passed", async () => {
  const { run, clock } = testJobs();
  const pictures = step();
  const job = run("a", { prepare: pictures.work, deadlineMs: 500 });
  await clock.advance(500);
  await expect(job).rejects.toThrow("did not start within its deadline of 0.5 s");
  expect(pictures.heard.aborted).toBe(1);
});

test("the next job has the slot while one is finished; cancelling ends that, too", async () => {
  const { run, started, clock } = testJobs();
  const encoding = step();
  const client = new AbortController();
  const first = run("first", { finish: encoding.work, signal: client.signal });
  run("second");
  await clock.advance(1_000);
  expect([started, encoding.heard.begun]).toEqual([["first", "second"], 1]);
  client.abort();
  await expect(first).rejects.toBeInstanceOf(Cancelled);
  expect(encoding.heard.aborted).toBe(1);
});

test("events are numbered per job and can be heard from any on, by several", async () => {
  const { jobs, specOf, clock } = testJobs();
  const id = await jobs.submit(specOf("a"));
  const all = listen(jobs.events(id));
  const late = listen(jobs.events(id, 2));
  await clock.advance(1_000);
  expect(all.names()).toEqual(["2 started", "3 completed"]);
  expect(late.names()).toEqual(["3 completed"]);
});

test("a place in the queue is told as the event that it belongs to", async () => {
  const { jobs, run, specOf, clock } = testJobs();
  for (const name of ["a", "b"]) run(name);
  const { heard, names } = listen(jobs.events(await jobs.submit(specOf("c"))));
  await clock.advance(3_000);
  expect(names()).toEqual(["1 queued", "1 queued", "2 started", "3 completed"]);
  expect(heard.slice(0, 2).map(({ data }) => data)).toEqual([
    ...[2, 1].map((position) => expect.objectContaining({ position })),
  ]);
});

test("cancelling tells every follower, and does nothing to a job that has ended", async () => {
  const { jobs, run, specOf, clock } = testJobs();
  run("running");
  const id = await jobs.submit(specOf("waiting"));
  const followers = [listen(jobs.events(id)), listen(jobs.events(id))];
  await settled();
  await jobs.cancel(id);
  await Promise.all(followers.map(({ ended }) => ended));
  for (const { names } of followers) expect(names()).toEqual(["1 queued", "2 cancelled"]);
  await jobs.cancel(id);
  await clock.advance(2_000);
});

test("a job goes on while somebody follows it, and a detached one in any case", async () => {
  const { jobs, specOf, started, clock } = testJobs();
  const follow = async (name: string, job: TestJob = {}) => {
    const id = await jobs.submit(specOf(name, job));
    const clients = [new AbortController(), new AbortController()];
    return clients.map((client) => ({ client, ...listen(jobs.events(id, 0, client.signal)) }));
  };
  const shared = await follow("shared");
  const left = await follow("left");
  const detached = await follow("detached", { detached: true });
  await settled();
  shared[0]!.client.abort();
  for (const { client } of [...left, ...detached]) client.abort();
  await expect(shared[0]!.ended).rejects.toBeInstanceOf(Cancelled);
  await clock.advance(3_000);
  expect(shared[1]!.names().at(-1)).toBe("3 completed");
  expect(started).toEqual(["shared", "detached"]);
});

test("files come in with a job, and nothing is left of either once it has been followed to its end", async () => {
  const { jobs, blobs, store, specOf, clock } = testJobs();
  const picture = Buffer.from("picture");
  const name = blobName(picture);
  const id = await jobs.submit(specOf("a"), [picture]);
  await clock.advance(1_000);
  expect(await store.get(id)).toMatchObject({ state: "completed" }); // kept: nobody has heard of it
  expect((await blobs.get(name)).toString()).toBe("picture");
  await listen(jobs.events(id)).ended;
  await settled();
  expect(await store.get(id)).toBeUndefined();
  await expect(blobs.get(name)).rejects.toThrow("no blob");
  await expect(listen(jobs.events(id)).ended).rejects.toMatchObject({ code: "not-found" });
});

test("nothing is kept of a job that was refused", async () => {
  const { jobs, blobs, run, specOf } = testJobs({ maxWaiting: 0 });
  const picture = Buffer.from("picture");
  run("running");
  await settled();
  await expect(jobs.submit(specOf("refused"), [picture])).rejects.toMatchObject({ code: "queue-full" });
  await expect(blobs.get(blobName(picture))).rejects.toThrow("no blob");
});

test("what a job holds is given back when it ends: completed, failed, cancelled or refused", async () => {
  const { jobs, clock, held } = holdingJobs();
  const run = (input: string) => jobs.submit({ kind: "holding", input, cost: 1, client: input });
  const completed = await run("completes");
  const failed = await run("fails");
  const waiting = await run("waits");
  await settled();
  expect(held()).toEqual(["completes", "fails", "waits"]);
  await clock.advance(1_000);
  expect(held()).toEqual(["fails", "waits"]);
  await jobs.cancel(waiting);
  expect(held()).toEqual(["fails"]);
  await clock.advance(1_000);
  expect(held()).toEqual([]);
  const ends = [completed, failed, waiting].map(async (id) => {
    const { names, ended } = listen(jobs.events(id));
    await ended;
    return names().at(-1);
  });
  expect(await Promise.all(ends)).toEqual(["3 completed", "3 failed", expect.stringContaining("cancelled")]);
});

test("a job that has nothing to unpack starts at once, though its kind unpacks", async () => {
  const { jobs } = holdingJobs();
  const { names, ended } = listen(
    jobs.events(await jobs.submit({ kind: "holding", input: "light", cost: 1, client: "a" })),
  );
  await settled();
  expect(names()).toContain("2 started");
  await jobs.drain();
  await ended;
});

/** Jobs that hold something from their unpacking on, and say for whom. */
function holdingJobs() {
  const clock = new FakeClock();
  const held = new Set<string>();
  const kind: JobKind<string> = {
    needsPreparation: () => false,
    prepare: async () => {},
    isPacked: (name) => name !== "light",
    async unpack(name, _, { client, onEnd }) {
      expect(client).toBe(name === "light" ? "a" : name);
      held.add(name);
      onEnd(() => held.delete(name));
    },
    async run(name) {
      if (name === "light") return;
      await new Promise<void>((resolve) => clock.after(1_000, resolve));
      if (name === "fails") throw new Error("broken");
    },
    finish: async () => null,
  };
  const limits = { concurrency: 1, maxWaiting: 8, maxWaitingCost: 8, unpackedAhead: 8, clock };
  const parts = {
    queue: new MemoryQueue(limits),
    store: new MemoryJobStore(),
    blobs: new MemoryBlobs(inflight(1e6).encoded),
  };
  return { jobs: new Jobs({ ...parts, kinds: { holding: kind }, clock }), clock, held: () => [...held] };
}
