/** Where jobs and their events are kept. */
import type { Job, JobEvent, JobNews, JobSpec } from "./job.js";

export interface JobStore {
  /** Keeps a new job, whose first event is `queued`. The spec is kept as JSON: what that does not know is lost. */
  create(id: string, spec: JobSpec): Promise<Job>;
  get(id: string): Promise<Job | undefined>;
  /** Adds an event, in the order of calls. Throws if the job is not there, or has ended. */
  append(id: string, news: JobNews): Promise<JobEvent>;
  /** The events after the one with that id, in order; none of a job that is not there. */
  events(id: string, after: number): Promise<JobEvent[]>;
  delete(id: string): Promise<void>;
}
