/** The steps of jobs, as their kinds do them. */
import type { Clock } from "@armature/core";
import type { Blobs } from "./blobs.js";
import type { JobNews } from "./job.js";
import type { JobContext, JobKind } from "./job-kind.js";
import type { LiveJob } from "./live-job.js";
import type { JobStore } from "./store.js";

export interface StepsOptions {
  /** Who does which jobs, by the name that a spec says. */
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

  /** Gathers what the job needs; once, however often it is called. */
  prepare(job: LiveJob): Promise<unknown> {
    job.preparation ??= this.#kindOf(job).prepare(job.spec.input, this.#contextOf(job));
    return job.preparation;
  }

  async run(job: LiveJob): Promise<unknown> {
    const ready = await this.prepare(job);
    return this.#kindOf(job).run(job.spec.input, ready, this.#contextOf(job));
  }

  finish(job: LiveJob, made: unknown): Promise<unknown> {
    return this.#kindOf(job).finish(job.spec.input, made, this.#contextOf(job));
  }

  #kindOf({ spec }: LiveJob): JobKind {
    const kind = this.#options.kinds[spec.kind];
    if (!kind) throw new Error(`Nobody here does jobs of the kind ${spec.kind}`);
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
      blob: (name) => blobs.get(name),
      progress: (data) => {
        if (!job.hasEnded) void tell({ event: "progress", data });
      },
      output: async (file, about) => {
        if (job.hasEnded) return; // another part of it failed: nobody would drop the file
        await tell({ event: "output", data: { ...about, blob: await blobs.put(file, job.id) } });
      },
    };
  }
}
