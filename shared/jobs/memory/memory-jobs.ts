import { Jobs, type JobsOptions } from "../jobs.js";
import type { QueueLimits } from "../queue.js";
import { MemoryBlobs } from "./memory-blobs.js";
import { MemoryQueue } from "./memory-queue.js";
import { MemoryJobStore } from "./memory-store.js";

interface MemoryJobsOptions extends Pick<JobsOptions, "kinds" | "observer"> {
  limits: QueueLimits;
  /** Of the files of all jobs together. */
  maxBlobBytes: number;
}

/** Jobs that live and end with this process. */
export function memoryJobs({ limits, maxBlobBytes, kinds, observer }: MemoryJobsOptions): Jobs {
  const queue = new MemoryQueue(limits);
  const blobs = new MemoryBlobs({ maxBytes: maxBlobBytes });
  return new Jobs({ queue, store: new MemoryJobStore(), blobs, kinds, observer });
}
