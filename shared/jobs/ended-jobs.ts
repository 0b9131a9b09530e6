/** Jobs that have ended and whose results may still be read: bounded in time, number and bytes. The oldest go first. */
import type { Clock } from "@armature/core";
import type { LiveJob } from "./live-job.js";

export interface ResultLimits {
  /** How long a result is kept after its job has ended. */
  maxAgeMs: number;
  /** Results kept at once. */
  maxJobs: number;
  /** Bytes of all kept results together: files that came with the jobs, files that they made, and their last events. */
  maxBytes: number;
}

/** A client that was answered 202 has a quarter of an hour to come for its result. */
export const RESULT_LIMITS: ResultLimits = { maxAgeMs: 15 * 60_000, maxJobs: 256, maxBytes: 64 * 2 ** 20 };

interface EndedJobsOptions {
  limits: ResultLimits;
  clock: Clock;
  /** Deletes what is kept of a job that has expired and that nobody follows. */
  forget(id: string): Promise<void>;
}

export class EndedJobs {
  readonly #options: EndedJobsOptions;
  readonly #jobs = new Map<string, LiveJob>(); // oldest first
  #bytes = 0;

  constructor(options: EndedJobsOptions) {
    this.#options = options;
  }

  /** Keeps an ended job. Older ones expire where the limits are exceeded; so does a job that exceeds them alone. */
  add(job: LiveJob): void {
    const { limits, clock } = this.#options;
    this.#jobs.set(job.id, job);
    this.#bytes += job.bytes;
    job.stopTimer = clock.after(limits.maxAgeMs, () => this.#expire(job));
    for (const oldest of this.#jobs.values()) {
      if (this.#jobs.size <= limits.maxJobs && this.#bytes <= limits.maxBytes) return;
      this.#expire(oldest);
    }
  }

  /** Stops counting a job that is forgotten. */
  delete(id: string): void {
    const job = this.#jobs.get(id);
    if (job) this.#bytes -= job.bytes;
    this.#jobs.delete(id);
  }

  /** An expired job goes at once, or with its last follower. */
  #expire(job: LiveJob): void {
    this.delete(job.id);
    job.stopTimer();
    job.isExpired = true;
    if (job.isForgettable) void this.#options.forget(job.id);
  }
}
