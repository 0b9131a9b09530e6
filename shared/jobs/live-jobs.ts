/** The jobs that this process works on, and how each of them ends. No method rejects: a job ends even if its store fails. */
import { AppError, Cancelled, type Clock, toWireError } from "@armature/core";
import type { Blobs } from "./blobs.js";
import { EndedJobs, RESULT_LIMITS, type ResultLimits } from "./ended-jobs.js";
import type { JobNews } from "./job.js";
import type { LiveJob } from "./live-job.js";
import type { JobObserver } from "./observer.js";
import type { Queue } from "./queue.js";
import type { JobStore } from "./store.js";

/** What jobs stand on. */
export interface JobBackend {
  queue: Queue;
  store: JobStore;
  blobs: Blobs;
  observer?: JobObserver | undefined;
}

interface LiveJobsOptions extends JobBackend {
  clock: Clock;
  /** How long and how many results are kept; default RESULT_LIMITS. */
  resultLimits?: ResultLimits | undefined;
}

export class LiveJobs {
  readonly #backend: JobBackend;
  readonly #jobs = new Map<string, LiveJob>();
  readonly #ended: EndedJobs;

  constructor({ clock, resultLimits: limits = RESULT_LIMITS, ...backend }: LiveJobsOptions) {
    this.#backend = backend;
    this.#ended = new EndedJobs({ limits, clock, forget: (id) => this.forget(id) });
  }

  add(job: LiveJob): void {
    this.#jobs.set(job.id, job);
  }

  get(id: string): LiveJob | undefined {
    return this.#jobs.get(id);
  }

  all(): LiveJob[] {
    return [...this.#jobs.values()];
  }

  /** Ends a job that waits; nothing if it has started. */
  async refuse(job: LiveJob, reason: unknown): Promise<void> {
    const waited = await this.#backend.queue.remove(job.id).catch(() => job.waits);
    if (!waited || job.isEnding) return;
    job.controller.abort(reason);
    this.#backend.observer?.refused(codeOf(reason));
    await this.end(job, reason instanceof Cancelled ? CANCELLED : failedWith(reason));
  }

  /** Tells a job's last event. Where the store fails, followers are thrown that. */
  async end(job: LiveJob, news: JobNews): Promise<void> {
    job.isEnding = true;
    await this.#backend.store.append(job.id, news).catch((error: Error) => job.breakOff(error));
    job.end();
    job.changed();
    if (job.isForgettable) await this.forget(job.id);
    else this.#keep(job, news);
  }

  /** Ends a job that is cancelled: at once if it waits, else at its next step. Nothing if it has ended. */
  async cancel(job: LiveJob): Promise<void> {
    if (job.hasEnded) return;
    job.controller.abort(new Cancelled());
    await this.refuse(job, new Cancelled());
  }

  /** A follower is gone. The last one cancels the job, unless it is detached. */
  async leave(job: LiveJob): Promise<void> {
    job.followers--;
    if (job.followers === 0 && !job.spec.detached) await this.cancel(job);
    if (job.isForgettable) await this.forget(job.id);
  }

  /** Keeps nothing of a job: what cannot be deleted now is left behind. */
  async forget(id: string): Promise<void> {
    const { queue, store, blobs } = this.#backend;
    this.#jobs.get(id)?.stopTimer();
    this.#jobs.delete(id);
    this.#ended.delete(id);
    await Promise.allSettled([queue.remove(id), store.delete(id), blobs.drop(id)]);
  }

  #keep(job: LiveJob, last: JobNews): void {
    job.bytes += JSON.stringify(last).length;
    this.#ended.add(job);
  }
}

export const CANCELLED: JobNews = { event: "cancelled", data: {} };

export const failedWith = (error: unknown): JobNews => ({ event: "failed", data: toWireError(error) });

/** What metrics call a refusal. */
export const codeOf = (error: unknown): string => (error instanceof AppError ? error.code : "internal-error");
