/** What the service does as jobs, and how much of each step at once. */
import { type JobObserver, type Jobs, memoryJobs } from "@armature/jobs";
import { pictureSteps, waitingLimits } from "@armature/service";
import PQueue from "p-queue";
import type { Config } from "../config.js";
import { ANNOTATE, type AnnotateJobDeps, annotateKind } from "./annotate-job.js";

export interface CreateJobsOptions
  extends Pick<AnnotateJobDeps, "maxBodyBytes" | "sources" | "inflight" | "runEngine" | "warn"> {
  observer: JobObserver;
}

/** Pictures that are decoded ahead of their turns: one that is decoded slowly does not hold up the next. */
const DECODED_AHEAD = 2;

/** Seconds that the decoding of a picture may take. */
const DECODE_TIMEOUT_S = 10;

export function createJobs(config: Config, { observer, ...options }: CreateJobsOptions): Jobs {
  const annotations = annotateKind({
    ...options,
    decodeLimits: { maxPixels: config.MAX_PIXELS, timeoutS: DECODE_TIMEOUT_S },
    decoding: new PQueue({ concurrency: DECODED_AHEAD }),
    ...pictureSteps(),
  });
  return memoryJobs({
    limits: {
      ...waitingLimits(config),
      maxWaitingCost: config.QUEUE_LIMIT, // each costs 1
      unpackedAhead: DECODED_AHEAD,
    },
    files: options.inflight.encoded,
    kinds: { [ANNOTATE]: annotations },
    observer,
  });
}
