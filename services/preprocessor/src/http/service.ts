/** Puts the preprocessor service together from its configuration: engine, jobs, routes, application. */

import { InvalidConfig } from "@armature/core";
import type { DeviceChoice } from "@armature/devices";
import { createApp, createMetrics, type ServiceApp } from "@armature/http";
import { sharp } from "@armature/images";
import { DEFAULT_SOURCE_POLICY } from "@armature/net";
import { chooseServedDevice, deviceOptions, engineObstacle } from "@armature/service";
import type { Logger } from "pino";
import type { Processor } from "../annotators/annotator.js";
import { PROCESSORS } from "../annotators/index.js";
import { type Config, machineDefaults, modelChoices } from "../config.js";
import { type Catalogue, readCatalogue, servedProcessors } from "../engine/catalogue.js";
import type { AnnotatePayload } from "../engine/jobs.js";
import { PreprocessorEngine } from "../engine/preprocessor-engine.js";
import { createJobs } from "../jobs/create-jobs.js";
import { resolveProcessor } from "../request/resolve-processor.js";
import { routeDeclarations } from "./declarations.js";
import { preprocessorMetrics } from "./metrics.js";
import { imageRoute } from "./routes/image.js";
import { processorsRoute } from "./routes/processors.js";

export interface PreprocessorService {
  app: ServiceApp;
  /** Lets the engine end its work. */
  stop(): Promise<void>;
}

const DECODE_TIMEOUT_S = 10;

export interface ProcessorTable {
  processors: readonly Processor[];
  /** The module of the engine process that knows the same ones; default that of the service's own. */
  engine?: URL;
}

/**
 * Reads the catalogue, chooses the device and starts the engine; loads nothing but what WARM names.
 * Throws InvalidConfig, InvalidModel or DeviceUnavailable.
 */
export async function createService(
  config: Config,
  log: Logger,
  version: string,
  { processors, engine: entry }: ProcessorTable = { processors: PROCESSORS },
): Promise<PreprocessorService> {
  const { modelsDir, threads, budgetBytes, prepared } = machineDefaults(config);
  const choices = modelChoices(config);
  const notes: string[] = [];
  const catalogue = readCatalogue({ processors, modelsDir, choices, note: (line) => notes.push(line) });
  const warm = warmProcessors(config, servedProcessors(processors, catalogue));
  const device = await chooseServedDevice(deviceOptions(config), log);
  for (const note of notes) log.info(note); // a start that fails says why, in one line
  sharp.concurrency(threads);
  const engine = new PreprocessorEngine({
    entry,
    settings: { catalogue, device: { name: device.device, profile: device.profile, threads, prepared }, budgetBytes },
    maxJobMs: config.MAX_JOB_S * 1000,
    log: ({ level, message, pid }) => log[level]({ engine: pid }, message),
  });
  for (const id of warm) {
    engine
      .warm(id)
      .catch((error: Error) => log.error({ processor: id, err: error }, "could not be loaded at the start"));
  }
  return {
    app: application(config, { processors, catalogue, device, engine, log, version }),
    stop: () => engine.stop(),
  };
}

interface Parts {
  processors: readonly Processor[];
  catalogue: Catalogue;
  device: DeviceChoice;
  engine: PreprocessorEngine;
  log: Logger;
  version: string;
}

function application(config: Config, parts: Parts): ServiceApp {
  const { processors, catalogue, device, engine, log, version } = parts;
  const served = servedProcessors(processors, catalogue);
  const metrics = createMetrics({ service: "preprocessor", version });
  const observeInference = preprocessorMetrics(metrics, engine);
  const maxBodyBytes = config.MAX_BODY_MB * 2 ** 20;
  const sources = config.URL_SOURCES
    ? { ...DEFAULT_SOURCE_POLICY, maxBytes: maxBodyBytes, privateHosts: config.PRIVATE_SOURCES ?? [] }
    : undefined;
  const annotations = {
    maxBodyBytes,
    decodeLimits: { maxPixels: config.MAX_PIXELS, timeoutS: DECODE_TIMEOUT_S },
    sources,
    async runEngine(payload: AnnotatePayload, signal: AbortSignal) {
      const outcome = await engine.annotate(payload, signal);
      observeInference(payload.processor, outcome.inferenceMs);
      return outcome;
    },
  };
  const jobs = createJobs(config, annotations, metrics.jobObserver("preprocessor", log));
  metrics.watchQueue("preprocessor", () => jobs.snapshot());
  const image = imageRoute({
    processorOf: (id) => resolveProcessor(id, processors, catalogue),
    jobs,
    maxWaitMs: config.MAX_WAIT_S * 1000,
    maxBodyBytes,
    sources,
  });
  return createApp({
    info: {
      title: "Armature preprocessor",
      version,
      description: "Makes control images for ControlNet from pictures: edges, depth and others.",
    },
    log,
    metrics,
    routes: routeDeclarations(served),
    routers: [image, processorsRoute(served, device)],
    obstacle: () => engineObstacle(engine),
    onDrain: () => void jobs.drain(),
  });
}

/** The ids in WARM, all of them served. */
function warmProcessors({ WARM = [] }: Config, served: readonly Processor[]): string[] {
  const ids = served.map(({ id }) => id);
  const unknown = WARM.find((id) => !ids.includes(id));
  if (unknown === undefined) return WARM;
  throw new InvalidConfig(`WARM: ${unknown} is no processor that is served; there is ${ids.join(", ")}`);
}
