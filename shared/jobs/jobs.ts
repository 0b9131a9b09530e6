/** Jobs from their submission to their last event: admitted, made ready, run in a slot, finished, and followed meanwhile. */
import { randomUUID } from "node:crypto";
import { AppError, Cancelled, type Clock, Draining, systemClock, toWireError } from "@armature/core";
import { DeadlineExceeded } from "./errors.js";
import type { JobEvent, JobNews, JobSpec, JobTypes } from "./job.js";
import { LiveJob } from "./live-job.js";
import type { Outcome, Queue, QueueSnapshot } from "./queue.js";
import { Steps, type StepsOptions } from "./steps.js";
import { throwIfLeft, told } from "./told.js";

/** What metrics want to know, as it happens. */
export interface JobObserver {
  started(waitedS: number): void;
  finished(outcome: Outcome, durationS: number): void;
  refused(code: string): void;
}

export interface JobsOptions extends Omit<StepsOptions, "clock"> {
  queue: Queue;
  observer?: JobObserver;
  /** Retry-After of a service that is shutting down: how long a restart takes. */
  drainRetryAfterS?: number;
  clock?: Clock;
}

export interface FollowOptions {
  /** Files that the spec names by their `blobName`. */
  files?: readonly Uint8Array[];
  /** Aborts when the follower leaves. */
  signal?: AbortSignal;
}

export class Jobs {
  readonly #options: JobsOptions;
  readonly #clock: Clock;
  readonly #steps: Steps;
  readonly #live = new Map<string, LiveJob>();
  #draining = false;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#steps = new Steps({ ...options, clock: this.#clock });
    options.queue.onChange(() => {
      void this.#startThoseInTurn();
      for (const job of this.#live.values()) if (job.waits) job.changed();
    });
  }

  /** Admits a job; gives its id. Throws QueueFull, DeadlineExceeded or Draining, and nothing is kept of it. */
  async submit(spec: JobSpec, files: readonly Uint8Array[] = []): Promise<string> {
    const { queue, store, blobs, observer } = this.#options;
    const id = randomUUID();
    try {
      if (this.#draining) throw this.#drainingError();
      const kept = await store.create(id, spec);
      const job = new LiveJob(id, kept.spec, this.#clock.nowMs());
      this.#live.set(id, job);
      for (const file of files) await blobs.put(file, id);
      this.#watchDeadline(job);
      const ready = !this.#steps.needsPreparation(job);
      const { cost, client, priority = 0, deadlineMs } = job.spec;
      await queue.add({ id, cost, client, priority, deadlineMs, ready });
      if (!ready) void this.#prepare(job);
      return id;
    } catch (error) {
      observer?.refused(codeOf(error));
      await this.#forget(id);
      throw error;
    }
  }

  /**
   * The job's events after the one with that id, as they happen, to its last. While it waits, `queued` is told anew whenever its place
   * has changed. Whoever leaves last cancels the job, unless it is detached; a job that has ended is forgotten then.
   * Throws Cancelled when `signal` aborts.
   */
  async *events<T extends JobTypes>(id: string, after = 0, signal?: AbortSignal): AsyncGenerator<JobEvent<T>> {
    const job = this.#live.get(id);
    if (!job) throw new Error(`There is no job ${id}`);
    const wake = () => job.changed();
    signal?.addEventListener("abort", wake);
    job.join();
    try {
      yield* told(job, after, { ...this.#options, signal }) as AsyncGenerator<JobEvent<T>>;
    } finally {
      signal?.removeEventListener("abort", wake);
      await this.#leave(job);
    }
  }

  /** Submits a job for a client that waits, and follows it. Nothing is begun for one that has left already. */
  async *follow<T extends JobTypes>(spec: JobSpec, { files, signal }: FollowOptions = {}): AsyncGenerator<JobEvent<T>> {
    throwIfLeft(signal);
    yield* this.events<T>(await this.submit(spec, files), 0, signal);
  }

  /** Ends a job: at once if it waits, else at its next step. Nothing if it has ended. */
  async cancel(id: string): Promise<void> {
    const job = this.#live.get(id);
    if (!job || job.hasEnded) return;
    job.controller.abort(new Cancelled());
    await this.#refuse(job, new Cancelled());
  }

  /** Refuses new and waiting jobs from now on; resolves when the others have ended. */
  async drain(): Promise<void> {
    this.#draining = true;
    const jobs = [...this.#live.values()];
    await Promise.all(jobs.map((job) => this.#refuse(job, this.#drainingError())));
    await Promise.all(jobs.map((job) => job.ended));
  }

  /** The bytes of a file that a job came with or has made, as long as the job is kept. */
  blob(name: string): Promise<Buffer> {
    return this.#options.blobs.get(name);
  }

  snapshot(): Promise<QueueSnapshot> {
    return this.#options.queue.snapshot();
  }

  async #startThoseInTurn(): Promise<void> {
    const { queue } = this.#options;
    for (let id = await queue.take(); id !== undefined; id = await queue.take()) void this.#run(this.#live.get(id)!);
  }

  async #prepare(job: LiveJob): Promise<void> {
    try {
      await this.#steps.prepare(job);
      job.readyMs = this.#clock.nowMs();
      await this.#options.queue.ready(job.id);
    } catch (error) {
      await this.#refuse(job, error);
    }
  }

  async #run(job: LiveJob): Promise<void> {
    const { signal } = job.controller;
    try {
      const made = await this.#inSlot(job);
      signal.throwIfAborted();
      const result = await this.#steps.finish(job, made);
      signal.throwIfAborted();
      await this.#end(job, { event: "completed", data: result });
    } catch (error) {
      await this.#end(job, signal.aborted ? CANCELLED : { event: "failed", data: toWireError(error) });
    }
  }

  /** The slot is free again when the work itself has ended, even if its client is long gone. */
  async #inSlot(job: LiveJob): Promise<unknown> {
    const { queue, store, observer } = this.#options;
    const startedMs = this.#clock.nowMs();
    job.start(startedMs);
    let outcome: Outcome = "failed";
    try {
      const waitedMs = startedMs - job.arrivedMs;
      await store.append(job.id, { event: "started", data: { queueMs: job.queueMs, waitedMs } });
      job.changed();
      observer?.started(waitedMs / 1000);
      const made = await this.#steps.run(job);
      outcome = "completed";
      return made;
    } finally {
      if (outcome === "failed" && job.controller.signal.aborted) outcome = "cancelled";
      observer?.finished(outcome, (this.#clock.nowMs() - startedMs) / 1000);
      await queue.done(job.id, outcome);
    }
  }

  /** Ends a job that waits; nothing if it has started. */
  async #refuse(job: LiveJob, reason: unknown): Promise<void> {
    if (!(await this.#options.queue.remove(job.id))) return;
    job.controller.abort(reason);
    this.#options.observer?.refused(codeOf(reason));
    await this.#end(job, reason instanceof Cancelled ? CANCELLED : { event: "failed", data: toWireError(reason) });
  }

  async #end(job: LiveJob, news: JobNews): Promise<void> {
    await this.#options.store.append(job.id, news);
    job.end();
    job.changed();
    if (job.isForgettable) await this.#forget(job.id);
  }

  async #leave(job: LiveJob): Promise<void> {
    job.followers--;
    if (job.followers === 0 && !job.spec.detached) await this.cancel(job.id);
    if (job.isForgettable) await this.#forget(job.id);
  }

  async #forget(id: string): Promise<void> {
    this.#live.get(id)?.stopTimer();
    this.#live.delete(id);
    await this.#options.store.delete(id);
    await this.#options.blobs.drop(id);
  }

  #watchDeadline(job: LiveJob): void {
    const { deadlineMs } = job.spec;
    if (deadlineMs === undefined) return;
    const tooLate = new DeadlineExceeded(`The job did not start within its deadline of ${deadlineMs / 1000} s`);
    job.stopTimer = this.#clock.after(deadlineMs, () => void this.#refuse(job, tooLate));
  }

  #drainingError(): Draining {
    return new Draining(this.#options.drainRetryAfterS ?? 5);
  }
}

const CANCELLED: JobNews = { event: "cancelled", data: {} };

const codeOf = (error: unknown) => (error instanceof AppError ? error.code : "internal-error");
