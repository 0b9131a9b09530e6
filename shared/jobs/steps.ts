/** The steps of jobs, as their kinds do them. */
import type { Clock } from "@armature/core";
import type { Blobs } from "./blobs.js";
import type { JobNews } from "./job.js";
import type { JobContext, JobKind } from "./job-kind.js";
import type { LiveJob } from "./live-job.js";
import type { JobStore } from "./store.js";

export interface StepsOptions {
  /** The kinds of job, by the name that a spec gives. */
  kinds: Record<string, JobKind>;
  store: JobStore;
  blobs: Blobs;
  clock: Clock;
}

export class Steps {
  readonly #options: StepsOptions;

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  needsPreparation(job: LiveJob): boolean {
    return this.#kindOf(job).needsPreparation(job.spec.input);
  }

  /** Whether the job has to be unpacked before it starts. */
  isPacked(job: LiveJob): boolean {
    const kind = this.#kindOf(job);
    return kind.unpack !== undefined && (kind.isPacked?.(job.spec.input) ?? true);
  }

  /** Gathers what the job needs; once, however often it is called. */
  prepare(job: LiveJob): Promise<unknown> {
    job.prepared ??= this.#kindOf(job).prepare(job.spec.input, this.#contextOf(job));
    return job.prepared;
  }

  /** Makes of what was prepared what the slot works on; once, however often it is called. */
  unpack(job: LiveJob): Promise<unknown> {
    job.unpacked ??= this.#unpack(job);
    return job.unpacked;
  }

  /** The work in the slot. What was prepared and unpacked is let go of when it ends. */
  async run(job: LiveJob): Promise<unknown> {
    try {
      const unpacked = await this.unpack(job);
      return await this.#kindOf(job).run(job.spec.input, unpacked, this.#contextOf(job));
    } finally {
      job.letGo();
    }
  }

  finish(job: LiveJob, made: unknown): Promise<unknown> {
    return this.#kindOf(job).finish(job.spec.input, made, this.#contextOf(job));
  }

  async #unpack(job: LiveJob): Promise<unknown> {
    const kind = this.#kindOf(job);
    const prepared = await this.prepare(job);
    return kind.unpack ? kind.unpack(job.spec.input, prepared, this.#contextOf(job)) : prepared;
  }

  #kindOf({ spec }: LiveJob): JobKind {
    const kind = this.#options.kinds[spec.kind];
    if (!kind) throw new Error(`There is no kind of job called ${spec.kind}`);
    return kind;
  }

  #contextOf(job: LiveJob): JobContext {
    const { store, blobs, clock } = this.#options;
    const tell = async (news: JobNews) => {
      await store.append(job.id, news);
      job.changed();
    };
    return {
      signal: job.controller.signal,
      queueMs: job.queueMs,
      ageMs: () => clock.nowMs() - job.arrivedMs,
      client: job.spec.client,
      blob: (name) => blobs.get(name),
      onEnd: (callback) => job.onEnd(callback),
      progress: (data) => {
        if (!job.isEnding) tell({ event: "progress", data }).catch((error: Error) => job.breakOff(error));
      },
      output: async (file, about) => {
        if (job.isEnding) return; // another part of it failed: nobody would drop the file
        await tell({ event: "output", data: { ...about, blob: await blobs.putMade(file, job.id) } });
      },
    };
  }
}
