/** What the service does as jobs, and how much of each step at once. */
import type { Inflight } from "@armature/core";
import { type JobObserver, type Jobs, memoryJobs } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import PQueue from "p-queue";
import { type Config, decodeLimits } from "../config.js";
import { type CacheObserver, ControlCache } from "../control-images/control-cache.js";
import type { PreprocessorClient } from "../control-images/preprocessor-client.js";
import { GENERATE, type GenerateJobDeps, generateKind } from "./generate-job.js";
import { LOAD, loadKind } from "./load-job.js";

interface CreateJobsOptions extends Pick<GenerateJobDeps, "runEngine" | "warn"> {
  preprocessor: PreprocessorClient;
  sources: SourcePolicy;
  /** What files and decoded pictures are held against. */
  inflight: Inflight;
  setLoaded(id: string, load: boolean): Promise<void>;
  observer: JobObserver;
  controlCache: CacheObserver;
}

/** The engine works on one thing at a time. */
const GENERATIONS_AT_ONCE = 1;

/** Fetching waits for others and takes little; each picture of a waiting request may be on its way. */
const FETCHES_AT_ONCE = 64;

/** As many as a preprocessor lets wait: more would only be refused there. */
const ANNOTATIONS_AT_ONCE = 16;

/** libvips has threads of its own for each. */
const ENCODINGS_AT_ONCE = 2;

export function createJobs(config: Config, options: CreateJobsOptions): Jobs {
  const { preprocessor, warn, sources, inflight, runEngine, setLoaded, observer, controlCache } = options;
  const generations = generateKind({
    preprocessor,
    cache: new ControlCache({ maxBytes: config.CONTROL_CACHE_MB * 1e6, observer: controlCache }),
    decodeLimits: decodeLimits(config),
    warn,
    sources,
    inflight,
    fetching: new PQueue({ concurrency: FETCHES_AT_ONCE }),
    annotation: new PQueue({ concurrency: ANNOTATIONS_AT_ONCE }),
    encoding: new PQueue({ concurrency: ENCODINGS_AT_ONCE }),
    runEngine,
  });
  return memoryJobs({
    limits: {
      concurrency: GENERATIONS_AT_ONCE,
      maxWaiting: config.QUEUE_LIMIT,
      maxWaitingPerClient: config.QUEUE_LIMIT_PER_CLIENT,
      maxWaitingCost: config.QUEUE_WORK_LIMIT,
    },
    files: inflight.encoded,
    kinds: { [GENERATE]: generations, [LOAD]: loadKind(setLoaded) },
    observer,
  });
}
