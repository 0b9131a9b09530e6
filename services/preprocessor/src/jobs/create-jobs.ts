/** What the service does as jobs, and how much of each step at once. */
import { type JobObserver, type Jobs, memoryJobs } from "@armature/jobs";
import PQueue from "p-queue";
import type { Config } from "../config.js";
import { ANNOTATE, type AnnotateJobDeps, annotateKind } from "./annotate-job.js";

export interface CreateJobsOptions
  extends Pick<AnnotateJobDeps, "maxBodyBytes" | "sources" | "inflight" | "runEngine" | "warn"> {
  observer: JobObserver;
}

/** The engine works on one picture at a time. */
const ANNOTATIONS_AT_ONCE = 1;

/** Fetching waits for others and takes little; each picture of a waiting request may be on its way. */
const FETCHES_AT_ONCE = 64;

/** Pictures that are decoded ahead of their turns: one that is decoded slowly does not hold up the next. */
const DECODED_AHEAD = 2;

/** libvips has threads of its own for each. */
const ENCODINGS_AT_ONCE = 2;

/** Seconds. */
const DECODE_TIMEOUT_S = 10;

export function createJobs(config: Config, { observer, ...options }: CreateJobsOptions): Jobs {
  const annotations = annotateKind({
    ...options,
    decodeLimits: { maxPixels: config.MAX_PIXELS, timeoutS: DECODE_TIMEOUT_S },
    fetching: new PQueue({ concurrency: FETCHES_AT_ONCE }),
    decoding: new PQueue({ concurrency: DECODED_AHEAD }),
    encoding: new PQueue({ concurrency: ENCODINGS_AT_ONCE }),
  });
  return memoryJobs({
    limits: {
      concurrency: ANNOTATIONS_AT_ONCE,
      maxWaiting: config.QUEUE_LIMIT,
      maxWaitingPerClient: config.QUEUE_LIMIT_PER_CLIENT,
      maxWaitingCost: config.QUEUE_LIMIT, // each costs 1
      unpackedAhead: DECODED_AHEAD,
    },
    files: options.inflight.encoded,
    kinds: { [ANNOTATE]: annotations },
    observer,
  });
}
