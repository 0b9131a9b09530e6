/** What the service does as jobs, and how much of each step at once. */
import type { Inflight } from "@armature/core";
import type { DecodeLimits } from "@armature/images";
import { type JobObserver, type Jobs, memoryJobs } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import { pictureSteps } from "@armature/service";
import PQueue from "p-queue";
import { type CacheObserver, ControlCache } from "../control-images/control-cache.js";
import type { PreprocessorClient } from "../control-images/preprocessor-client.js";
import { GENERATE, type GenerateJobDeps, generateKind } from "./generate-job.js";
import { LOAD, loadKind } from "./load-job.js";

/** What operators decide. */
interface JobSettings {
  /** Requests that may run and wait, of all clients and of one, and the work of all that wait. */
  queue: { concurrency: number; maxWaiting: number; maxWaitingPerClient: number; maxWaitingCost: number };
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

/** Control images that are asked for at once: as many as a preprocessor lets wait; more would only be refused there. */
const ANNOTATIONS_AT_ONCE = 16;

export function createJobs(settings: JobSettings, options: CreateJobsOptions): Jobs {
  const { preprocessor, warn, sources, inflight, runEngine, setLoaded, observer, controlCache } = options;
  const generations = generateKind({
    preprocessor,
    cache: new ControlCache({ maxBytes: settings.controlCacheBytes, observer: controlCache }),
    decodeLimits: settings.decodeLimits,
    warn,
    sources,
    inflight,
    annotation: new PQueue({ concurrency: ANNOTATIONS_AT_ONCE }),
    ...pictureSteps(),
    runEngine,
  });
  return memoryJobs({
    limits: settings.queue,
    files: inflight.encoded,
    kinds: { [GENERATE]: generations, [LOAD]: loadKind(setLoaded) },
    observer,
  });
}
