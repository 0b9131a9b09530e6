/** Takes jobs through their steps as their turns come. No method rejects: what fails is the end of its job. */
import type { Clock } from "@armature/core";
import type { LiveJob } from "./live-job.js";
import { CANCELLED, failedWith, type JobBackend, type LiveJobs } from "./live-jobs.js";
import type { Outcome } from "./queue.js";
import type { Steps } from "./steps.js";

/** When a queue that failed is asked again. */
const RETRY_MS = 1_000;

interface TurnsOptions extends Pick<JobBackend, "queue" | "store" | "observer"> {
  jobs: LiveJobs;
  steps: Steps;
  clock: Clock;
}

export class Turns {
  readonly #options: TurnsOptions;
  #stopRetry = () => {};

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Starts the jobs whose turn it is and unpacks those whose turn is near. */
  async serve(): Promise<void> {
    const { queue, jobs, clock } = this.#options;
    try {
      for (let id = await queue.take(); id !== undefined; id = await queue.take()) void this.#start(id);
      for (let id = await queue.nextToUnpack(); id !== undefined; id = await queue.nextToUnpack()) {
        const job = jobs.get(id);
        if (job) void this.#unpack(job);
        else await queue.remove(id); // it could not be taken out when it was forgotten
      }
    } catch {
      this.#stopRetry();
      this.#stopRetry = clock.after(RETRY_MS, () => void this.serve());
    }
  }

  /** Gathers what a job needs; then its turn may come. */
  async prepare(job: LiveJob): Promise<void> {
    const { queue, jobs, steps, clock } = this.#options;
    try {
      await steps.prepare(job);
      job.readyMs = clock.nowMs();
      await queue.ready(job.id);
    } catch (error) {
      await jobs.refuse(job, error);
    }
  }

  async #unpack(job: LiveJob): Promise<void> {
    const { queue, jobs, steps } = this.#options;
    try {
      await steps.unpack(job);
      await queue.unpacked(job.id);
    } catch (error) {
      await jobs.refuse(job, error);
    }
  }

  /** A job that ended while it could not be taken out of the queue gives its slot back. */
  async #start(id: string): Promise<void> {
    const job = this.#options.jobs.get(id);
    if (job?.waits) await this.#run(job);
    else await this.#free(id, "cancelled");
  }

  async #run(job: LiveJob): Promise<void> {
    const { jobs, steps } = this.#options;
    const { signal } = job.controller;
    try {
      const slotResult = await this.#inSlot(job);
      signal.throwIfAborted();
      const result = await steps.finish(job, slotResult);
      signal.throwIfAborted();
      await jobs.end(job, { event: "completed", data: result });
    } catch (error) {
      const isCancelled = signal.aborted && !job.brokenBy;
      await jobs.end(job, isCancelled ? CANCELLED : failedWith(job.brokenBy ?? error));
    }
  }

  /** The slot is free again when the work itself has ended, even if its client is long gone. */
  async #inSlot(job: LiveJob): Promise<unknown> {
    const { store, steps, observer, clock } = this.#options;
    const { signal } = job.controller;
    const startedMs = clock.nowMs();
    job.start(startedMs);
    let outcome: Outcome = "failed";
    try {
      const waitedMs = startedMs - job.arrivedMs;
      await store.append(job.id, { event: "started", data: { queueMs: job.queueMs, waitedMs } });
      job.changed();
      observer?.started(waitedMs / 1000);
      signal.throwIfAborted();
      const slotResult = await steps.run(job);
      outcome = "completed";
      return slotResult;
    } finally {
      if (outcome === "failed" && signal.aborted) outcome = "cancelled";
      observer?.finished(outcome, (clock.nowMs() - startedMs) / 1000);
      await this.#free(job.id, outcome);
    }
  }

  /** Frees a slot. Where the queue fails, it is asked again until it has freed the slot: none is ever lost. */
  async #free(id: string, outcome: Outcome): Promise<void> {
    const { queue, clock } = this.#options;
    await queue.done(id, outcome).catch(() => void clock.after(RETRY_MS, () => void this.#free(id, outcome)));
  }
}
