/** Jobs from their submission to their last event: admitted, made ready, run in a slot, finished, and followed meanwhile. */
import { randomUUID } from "node:crypto";
import { type Clock, Draining, NotFound, systemClock } from "@armature/core";
import type { ResultLimits } from "./ended-jobs.js";
import { DeadlineExceeded } from "./errors.js";
import { followedEvents, throwIfLeft } from "./followed-events.js";
import { guarded } from "./guarded.js";
import type { JobEvent, JobSpec, JobTypes } from "./job.js";
import { LiveJob } from "./live-job.js";
import { codeOf, type JobBackend, LiveJobs } from "./live-jobs.js";
import type { QueueSnapshot } from "./queue.js";
import { Steps, type StepsOptions } from "./steps.js";
import { Turns } from "./turns.js";

export interface JobsOptions extends JobBackend, Pick<StepsOptions, "kinds"> {
  /** Retry-After of a service that is shutting down: how long a restart takes. */
  drainRetryAfterS?: number;
  /** How long and how many results are kept; default RESULT_LIMITS. */
  resultLimits?: ResultLimits;
  clock?: Clock;
}

interface FollowOptions {
  /** Files that the spec names by their `blobName`. */
  files?: readonly Uint8Array[];
  /** Aborts when the follower leaves. */
  signal?: AbortSignal;
}

/** Jobs over a queue, a store and blobs. Where one of these fails, its job fails with JobStoreFailed, and the observer hears why. */
export class Jobs {
  readonly #backend: JobBackend;
  readonly #clock: Clock;
  readonly #steps: Steps;
  readonly #jobs: LiveJobs;
  readonly #turns: Turns;
  readonly #drainRetryAfterS: number;
  #isDraining = false;

  constructor(options: JobsOptions) {
    const { queue, store, blobs, observer, kinds, resultLimits, drainRetryAfterS = 5, clock = systemClock } = options;
    const report = (error: unknown) => observer?.storeFailed(error);
    const backend = {
      queue: guarded(queue, report),
      store: guarded(store, report),
      blobs: guarded(blobs, report),
      observer,
    };
    this.#backend = backend;
    this.#clock = clock;
    this.#steps = new Steps({ ...backend, kinds, clock });
    this.#jobs = new LiveJobs({ ...backend, clock, resultLimits });
    this.#turns = new Turns({ ...backend, jobs: this.#jobs, steps: this.#steps, clock });
    this.#drainRetryAfterS = drainRetryAfterS;
    queue.onChange(() => {
      void this.#turns.serve();
      for (const job of this.#jobs.all()) if (job.waits) job.changed();
    });
  }

  /** Admits a job; gives its id. Throws QueueFull, DeadlineExceeded, Draining or JobStoreFailed, and nothing is kept of it. */
  async submit(spec: JobSpec, files: readonly Uint8Array[] = []): Promise<string> {
    const id = randomUUID();
    try {
      await this.#admit(id, spec, files);
      return id;
    } catch (error) {
      this.#backend.observer?.refused(codeOf(error));
      await this.#jobs.forget(id);
      throw error;
    }
  }

  /**
   * The job's events after the one with that id, as they happen, to its last. While it waits, `queued` is told anew whenever its place
   * has changed. The last follower that leaves cancels the job and ends what is kept of it, unless the job is detached: its events
   * can be read again until its result expires. Throws NotFound where no job with that id is kept, Cancelled when `signal` aborts, and
   * JobStoreFailed where the events cannot be read.
   */
  async *events<T extends JobTypes>(id: string, after = 0, signal?: AbortSignal): AsyncGenerator<JobEvent<T>> {
    const job = this.#jobs.get(id);
    if (!job) throw new NotFound(`There is no job ${id}, or its result is no longer kept`);
    const wake = () => job.changed();
    signal?.addEventListener("abort", wake);
    job.join();
    try {
      yield* followedEvents(job, after, { ...this.#backend, signal }) as AsyncGenerator<JobEvent<T>>;
    } finally {
      signal?.removeEventListener("abort", wake);
      await this.#jobs.leave(job);
    }
  }

  /** Submits a job for a client that waits, and follows it. Nothing is begun for one that has left already. */
  async *follow<T extends JobTypes>(spec: JobSpec, { files, signal }: FollowOptions = {}): AsyncGenerator<JobEvent<T>> {
    throwIfLeft(signal);
    yield* this.events<T>(await this.submit(spec, files), 0, signal);
  }

  /** Ends a job: at once if it waits, else at its next step. Nothing if it has ended. */
  async cancel(id: string): Promise<void> {
    const job = this.#jobs.get(id);
    if (job) await this.#jobs.cancel(job);
  }

  /** Refuses new and waiting jobs from now on; resolves when the others have ended. Never rejects. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const jobs = this.#jobs.all();
    await Promise.all(jobs.map((job) => this.#jobs.refuse(job, this.#drainingError())));
    await Promise.all(jobs.map((job) => job.ended));
  }

  /** The bytes of a file that a job came with or has made, as long as the job is kept. */
  blob(name: string): Promise<Buffer> {
    return this.#backend.blobs.get(name);
  }

  snapshot(): Promise<QueueSnapshot> {
    return this.#backend.queue.snapshot();
  }

  async #admit(id: string, spec: JobSpec, files: readonly Uint8Array[]): Promise<void> {
    const { queue, store, blobs } = this.#backend;
    if (this.#isDraining) throw this.#drainingError();
    const kept = await store.create(id, spec);
    const job = new LiveJob(id, kept.spec, this.#clock.nowMs());
    this.#jobs.add(job);
    for (const file of files) {
      await blobs.put(file, id);
      job.bytes += file.length;
    }
    this.#watchDeadline(job);
    const [ready, packed] = [!this.#steps.needsPreparation(job), this.#steps.isPacked(job)];
    const { cost, client, priority = 0, deadlineMs } = job.spec;
    await queue.add({ id, cost, client, priority, deadlineMs, ready, packed });
    if (!ready) void this.#turns.prepare(job);
  }

  #watchDeadline(job: LiveJob): void {
    const { deadlineMs } = job.spec;
    if (deadlineMs === undefined) return;
    const tooLate = new DeadlineExceeded(`The job did not start within its deadline of ${deadlineMs / 1000} s`);
    job.stopTimer = this.#clock.after(deadlineMs, () => void this.#jobs.refuse(job, tooLate));
  }

  #drainingError(): Draining {
    return new Draining(this.#drainRetryAfterS);
  }
}
