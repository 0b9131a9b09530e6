/** What the service does as jobs, and how much of each step at once. */
import { type JobObserver, type Jobs, memoryJobs } from "@armature/jobs";
import PQueue from "p-queue";
import type { Config } from "../config.js";
import type { AnnotationDeps } from "../request/annotation.js";
import { ANNOTATE, annotateKind } from "./annotate-job.js";

/** While the engine works on one picture, another one is decoded or encoded; more would only hold memory. */
const PICTURES_AT_ONCE = 2;

/** Fetching waits for others and takes little; each picture of a waiting request may be on its way. */
const FETCHES_AT_ONCE = 64;

/** Bodies' worth of files that a job may hold: what it came with, and what it has made. */
const FILES_PER_JOB = 2;

export function createJobs(config: Config, deps: AnnotationDeps, observer: JobObserver): Jobs {
  return memoryJobs({
    limits: {
      concurrency: PICTURES_AT_ONCE,
      maxWaiting: config.QUEUE_LIMIT,
      maxWaitingPerClient: config.QUEUE_LIMIT_PER_CLIENT,
      maxWaitingCost: config.QUEUE_LIMIT, // each costs 1
    },
    maxBlobBytes: FILES_PER_JOB * (config.QUEUE_LIMIT + PICTURES_AT_ONCE) * deps.maxBodyBytes,
    kinds: { [ANNOTATE]: annotateKind({ ...deps, fetching: new PQueue({ concurrency: FETCHES_AT_ONCE }) }) },
    observer,
  });
}
