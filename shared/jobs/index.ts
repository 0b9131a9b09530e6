export { blobName } from "./blobs.js";
export { JOBS_ERRORS, type JobsError, QueueFull } from "./errors.js";
export type { JobEvent, JobSpec, JobTypes } from "./job.js";
export type { JobContext, JobKind } from "./job-kind.js";
export { Jobs } from "./jobs.js";
export { memoryJobs } from "./memory/memory-jobs.js";
export type { JobObserver } from "./observer.js";
export type { QueuePosition, QueueSnapshot } from "./queue.js";
export { resultOf, successes } from "./successes.js";
