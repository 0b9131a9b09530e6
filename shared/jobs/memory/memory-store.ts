/** The store of jobs in this process's memory. */
import { hasEnded, type Job, type JobEvent, type JobNews, type JobSpec, stateAfter } from "../job.js";
import type { JobStore } from "../store.js";

/** Jobs of this process, gone with it. */
export class MemoryJobStore implements JobStore {
  readonly #jobs = new Map<string, { job: Job; events: JobEvent[] }>();

  async create(id: string, spec: JobSpec): Promise<Job> {
    const job: Job = { id, spec: JSON.parse(JSON.stringify(spec)), state: "queued" };
    this.#jobs.set(id, { job, events: [{ id: 1, event: "queued", data: {} }] });
    return job;
  }

  async get(id: string): Promise<Job | undefined> {
    return this.#jobs.get(id)?.job;
  }

  async append(id: string, news: JobNews): Promise<JobEvent> {
    const kept = this.#jobs.get(id);
    if (!kept) throw new Error(`There is no job ${id}`);
    if (hasEnded(kept.job.state)) throw new Error(`The job ${id} has ended: it is ${kept.job.state}`);
    const event: JobEvent = { id: kept.events.length + 1, ...news };
    kept.events.push(event);
    kept.job = { ...kept.job, state: stateAfter(event.event) };
    return event;
  }

  async events(id: string, after: number): Promise<JobEvent[]> {
    return this.#jobs.get(id)?.events.slice(after) ?? [];
  }

  async delete(id: string): Promise<void> {
    this.#jobs.delete(id);
  }
}
