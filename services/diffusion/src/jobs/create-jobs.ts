/** What the service does as jobs, and how much of each step at once. */
import type { Inflight } from "@armature/core";
import type { DecodeLimits } from "@armature/images";
import { type JobObserver, type Jobs, memoryJobs } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import PQueue from "p-queue";
import { type CacheObserver, ControlCache } from "../control-images/control-cache.js";
import type { PreprocessorClient } from "../control-images/preprocessor-client.js";
import { GENERATE, type GenerateJobDeps, generateKind } from "./generate-job.js";
import { LOAD, loadKind } from "./load-job.js";

/** What operators decide. */
interface JobSettings {
  /** Requests that may wait, of all clients and of one, and the work of all that wait. */
  queue: { maxWaiting: number; maxWaitingPerClient: number; maxWaitingCost: number };
  controlCacheBytes: number;
  decodeLimits: DecodeLimits;
}

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

export function createJobs(settings: JobSettings, options: CreateJobsOptions): Jobs {
  const { preprocessor, warn, sources, inflight, runEngine, setLoaded, observer, controlCache } = options;
  const generations = generateKind({
    preprocessor,
    cache: new ControlCache({ maxBytes: settings.controlCacheBytes, observer: controlCache }),
    decodeLimits: settings.decodeLimits,
    warn,
    sources,
    inflight,
    fetching: new PQueue({ concurrency: FETCHES_AT_ONCE }),
    annotation: new PQueue({ concurrency: ANNOTATIONS_AT_ONCE }),
    encoding: new PQueue({ concurrency: ENCODINGS_AT_ONCE }),
    runEngine,
  });
  return memoryJobs({
    limits: { concurrency: GENERATIONS_AT_ONCE, ...settings.queue },
    files: inflight.encoded,
    kinds: { [GENERATE]: generations, [LOAD]: loadKind(setLoaded) },
    observer,
  });
}
