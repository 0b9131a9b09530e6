/** Every call of the queue, the store and the files fails once: its job ends with a clear error, and the jobs after it are done. */
import { ByteBudget } from "@armature/core";
import { afterEach, expect, test } from "vitest";
import { FakeClock, settled } from "../../testing/fake-clock.js";
import { blobName } from "./blobs.js";
import { JobStoreFailed } from "./errors.js";
import type { JobEvent, JobSpec } from "./job.js";
import type { JobKind } from "./job-kind.js";
import { Jobs } from "./jobs.js";
import { MemoryBlobs } from "./memory/memory-blobs.js";
import { MemoryQueue } from "./memory/memory-queue.js";
import { MemoryJobStore } from "./memory/memory-store.js";
import { successes } from "./successes.js";

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
process.on("unhandledRejection", note);
afterEach(async () => {
  await settled();
  expect(unhandled.splice(0)).toEqual([]);
});

const DISK_FULL = new Error("/data/jobs.db: the disk is full");
const PICTURE = Buffer.from("picture");

/** Counts the calls of all parts that it is given, in their order; `fails` says which of them do. */
function faulty(fails: (call: number, method: string) => boolean) {
  let calls = 0;
  const wrap = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get(target, name) {
        const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
        if (name === "onChange" || name === "snapshot") return method.bind(target);
        return async (...args: unknown[]) => {
          if (fails(++calls, String(name))) throw DISK_FULL;
          return method.apply(target, args);
        };
      },
    });
  return { wrap, calls: () => calls };
}

/** All steps that a job can have, with a file from each. */
const kind: JobKind<string, Buffer, Buffer, Buffer> = {
  needsPreparation: () => true,
  prepare: async () => PICTURE,
  unpack: async (_, picture) => picture,
  async run(_, picture, job) {
    job.progress({ step: 1 });
    await settled();
    job.signal.throwIfAborted();
    return picture;
  },
  async finish(_, picture, job) {
    await job.output(picture, {});
    return { picture: (await job.blob(blobName(PICTURE))).toString() };
  },
};
const DONE = { picture: "picture" };

function faultyJobs(fails: (call: number, method: string) => boolean) {
  const clock = new FakeClock();
  const { wrap, calls } = faulty(fails);
  const queue = new MemoryQueue({ concurrency: 1, maxWaiting: 8, maxWaitingCost: 100, clock });
  const told: unknown[] = [];
  const observer = {
    ...{ started: () => {}, finished: () => {}, refused: () => {} },
    storeFailed: (error: unknown) => told.push(error),
  };
  const parts = {
    queue: wrap(queue),
    store: wrap(new MemoryJobStore()),
    blobs: wrap(new MemoryBlobs(new ByteBudget({ what: "files", limitBytes: 99 }))),
  };
  return { clock, queue, told, calls, jobs: new Jobs({ ...parts, kinds: { test: kind }, observer, clock }) };
}

const spec = (client: string): JobSpec => ({ kind: "test", input: client, cost: 1, client, deadlineMs: 60_000 });

/** How a job that is followed ends. */
async function endOf(events: AsyncIterable<JobEvent>): Promise<unknown> {
  try {
    for await (const { event, data } of successes(events)) if (event === "completed") return data;
    return "no end";
  } catch (error) {
    return error;
  }
}

/** Seconds, one by one: what a timer begins may set the next one. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) await clock.advance(1_000);
}

/** Follows two jobs at once and then a third; gives how they ended once nothing more happens. */
async function threeJobs(fails: (call: number, method: string) => boolean) {
  const { clock, queue, told, calls, jobs } = faultyJobs(fails);
  const ends: unknown[] = [];
  const follow = async (name: string) => {
    ends.push(await endOf(jobs.follow(spec(name), { files: [PICTURE] })));
  };
  void follow("one");
  void follow("two");
  await pass(clock, 10);
  void follow("three");
  await pass(clock, 10);
  return { ends, told, calls: calls(), snapshot: await queue.snapshot(), jobs, clock };
}

/** The number of calls that these jobs need where nothing fails. */
const CALLS = (await threeJobs(() => false)).calls;

test("where nothing fails all are done, and the observer hears of no failure", async () => {
  expect(CALLS).toBeGreaterThan(60);
  expect(await threeJobs(() => false)).toMatchObject({ ends: [DONE, DONE, DONE], told: [] });
});

test.each(Array.from({ length: CALLS }, (_, i) => i + 1))(
  "call %i fails: each job is done or fails with that, the slot is free, and later jobs are done",
  async (nth) => {
    const { ends, told, snapshot, jobs, clock } = await threeJobs((call) => call === nth);
    expect(ends).toHaveLength(3);
    const failed = ends.filter((end) => end instanceof Error);
    for (const error of failed) {
      expect(error).toBeInstanceOf(JobStoreFailed);
      expect((error as Error).message).not.toContain("/data");
    }
    expect(failed.length).toBeLessThanOrEqual(1);
    expect(ends.filter((end) => !(end instanceof Error))).toEqual(
      failed.length === 1 ? [DONE, DONE] : [DONE, DONE, DONE],
    );
    expect(told).toEqual([DISK_FULL]);
    expect(snapshot).toMatchObject({ waiting: 0, running: 0 });
    const last = endOf(jobs.follow(spec("last"), { files: [PICTURE] }));
    await pass(clock, 3);
    expect(await last).toEqual(DONE);
  },
);

const METHODS = {
  queue: ["add", "ready", "nextToUnpack", "unpacked", "take", "done", "remove", "position"],
  store: ["create", "append", "events", "delete"],
  blobs: ["put", "putMade", "get", "drop"],
};

test.each(Object.values(METHODS).flat())(
  "where %s fails for a while, jobs end with that, and later ones are done",
  async (broken) => {
    let isBroken = true;
    const { jobs, clock, queue, told } = faultyJobs((_, method) => isBroken && method === broken);
    const first = endOf(jobs.follow(spec("first"), { files: [PICTURE] }));
    await pass(clock, 70); // beyond its deadline
    isBroken = false;
    await pass(clock, 3);
    const end = await first;
    if (end instanceof Error) expect(["job-store-failed", "deadline-exceeded"]).toContain((end as JobStoreFailed).code);
    else expect(end).toEqual(DONE);
    expect(told.length).toBeGreaterThan(0);
    const later = endOf(jobs.follow(spec("later"), { files: [PICTURE] }));
    await pass(clock, 3);
    expect(await later).toEqual(DONE);
    expect(await queue.snapshot()).toMatchObject({ waiting: 0, running: 0 });
  },
);

test("a service that is shut down drains, though the store fails", async () => {
  const { jobs, clock } = faultyJobs((call) => call > 12);
  const ends = ["one", "two"].map((name) => endOf(jobs.follow(spec(name), { files: [PICTURE] })));
  await settled();
  const drained = jobs.drain();
  await pass(clock, 5);
  await drained;
  for (const end of await Promise.all(ends)) expect(end).toBeInstanceOf(Error);
});
