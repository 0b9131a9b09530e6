/** Puts jobs together from a queue, a store and blobs in memory. */
import type { ByteBudget } from "@armature/core";
import { Jobs, type JobsOptions } from "../jobs.js";
import type { QueueLimits } from "../queue.js";
import { MemoryBlobs } from "./memory-blobs.js";
import { MemoryQueue } from "./memory-queue.js";
import { MemoryJobStore } from "./memory-store.js";

interface MemoryJobsOptions extends Pick<JobsOptions, "kinds" | "observer"> {
  limits: QueueLimits;
  /** What the jobs' files are held against. */
  files: ByteBudget;
}

/** Jobs that live and end with this process. */
export function memoryJobs({ limits, files, kinds, observer }: MemoryJobsOptions): Jobs {
  const queue = new MemoryQueue(limits);
  const blobs = new MemoryBlobs(files);
  return new Jobs({ queue, store: new MemoryJobStore(), blobs, kinds, observer });
}
