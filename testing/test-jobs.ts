/** Jobs of one kind whose work tests steer. */
import { ByteBudget } from "@armature/core";
import { type JobKind, type JobObserver, type JobSpec, Jobs, type QueuePosition, successes } from "@armature/jobs";
import type { JobsOptions } from "../shared/jobs/jobs.js";
import { MemoryBlobs } from "../shared/jobs/memory/memory-blobs.js";
import { MemoryQueue, type MemoryQueueOptions } from "../shared/jobs/memory/memory-queue.js";
import { MemoryJobStore } from "../shared/jobs/memory/memory-store.js";
import { FakeClock, settled } from "./fake-clock.js";

type Work = (signal: AbortSignal) => Promise<unknown>;

interface TestJobsOptions extends Partial<MemoryQueueOptions>, Pick<JobsOptions, "resultLimits"> {
  observer?: JobObserver;
  drainRetryAfterS?: number;
}

export interface TestJob extends Partial<Pick<JobSpec, "cost" | "client" | "priority" | "deadlineMs" | "detached">> {
  /** What it does in its slot; default: waits for its cost by the clock, and gives its name. */
  work?: Work;
  /** What it needs before that; without it the job is ready when it comes. */
  prepare?: Work;
  /** What is done when its turn is near; without it the job is not packed. */
  unpack?: Work;
  finish?: Work;
  signal?: AbortSignal;
  onPosition?: (position: QueuePosition) => void;
  onStart?: (waitedMs: number) => void;
}

/** Jobs of one kind, in memory, by a clock that stands still. They note their names when they start. */
export function testJobs(options: TestJobsOptions = {}, { realSecondsPerCost = 1 } = {}) {
  const { observer, drainRetryAfterS, ...queueOptions } = options;
  const clock = new FakeClock();
  const queue = new MemoryQueue({ concurrency: 1, maxWaiting: 8, maxWaitingCost: 1_000, clock, ...queueOptions });
  const store = new MemoryJobStore();
  const blobs = new MemoryBlobs(new ByteBudget({ what: "files", limitBytes: 1_000 }));
  const started: string[] = [];
  const known = new Map<string, TestJob>();

  const kind: JobKind<string> = {
    needsPreparation: (name) => known.get(name)?.prepare !== undefined,
    prepare: async (name, { signal }) => known.get(name)?.prepare?.(signal),
    async run(name, _ready, { signal }) {
      const { work, cost = 1 } = known.get(name)!;
      if (work) return work(signal);
      started.push(name);
      await new Promise<void>((resolve) => clock.after(cost * realSecondsPerCost * 1000, resolve));
      return name;
    },
    finish: async (name, slotResult, { signal }) => (await known.get(name)?.finish?.(signal)) ?? slotResult,
  };
  const packed: JobKind<string> = { ...kind, unpack: async (name, _, { signal }) => known.get(name)!.unpack!(signal) };
  const jobs = new Jobs({ queue, store, blobs, kinds: { test: kind, packed }, clock, ...options });

  const specOf = (name: string, job: TestJob = {}): JobSpec<string> => {
    known.set(name, job);
    const { cost = 1, client = "one", priority, deadlineMs, detached } = job;
    return { kind: job.unpack ? "packed" : "test", input: name, cost, client, priority, deadlineMs, detached };
  };

  async function follow(name: string, job: TestJob): Promise<string> {
    for await (const { event, data } of successes(jobs.follow(specOf(name, job), { signal: job.signal }))) {
      if (event === "queued") job.onPosition?.(data as QueuePosition);
      if (event === "started") job.onStart?.(data.waitedMs);
      if (event === "completed") return data as string;
    }
    throw new Error("The job has no end");
  }

  /** Submits a job and follows it; gives its result. */
  const run = (name: string, job: TestJob = {}): Promise<string> => {
    const result = follow(name, job);
    result.catch(() => {});
    return result;
  };
  /** The queue, when all that was begun has come as far as it can. */
  async function snapshot() {
    await settled();
    return queue.snapshot();
  }
  return { clock, jobs, store, blobs, started, run, specOf, snapshot };
}
