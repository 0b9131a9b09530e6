/** Puts the preprocessor service together from its configuration: models, device, engine, jobs, routes, application. */
import { InvalidConfig, inflight as inflightBudget } from "@armature/core";
import type { DeviceChoice } from "@armature/devices";
import { createApp, createMetrics, type Obstacle, type ServiceApp } from "@armature/http";
import { sharp } from "@armature/images";
import { DEFAULT_SOURCE_POLICY, type SourcePolicy } from "@armature/net";
import { accessOptions, chooseServedDevice, deviceOptions, engineObstacle, warmUp } from "@armature/service";
import type { LeftOut } from "@armature/weights";
import type { Logger } from "pino";
import type { Processor } from "./annotators/annotator.js";
import { PROCESSORS } from "./annotators/index.js";
import { type Config, machineDefaults, modelChoices } from "./config.js";
import { PreprocessorEngine } from "./engine/preprocessor-engine.js";
import { type ProcessorModels, readProcessorModels, servedProcessors } from "./engine/processor-models.js";
import { routeDeclarations } from "./http/declarations.js";
import { preprocessorMetrics } from "./http/metrics.js";
import { imageRoute } from "./http/routes/image.js";
import { processorsRoute } from "./http/routes/processors.js";
import { type CreateJobsOptions, createJobs } from "./jobs/create-jobs.js";
import { resolveProcessor } from "./request/resolve-processor.js";

interface PreprocessorService {
  app: ServiceApp;
  /** Lets the engine end its work. */
  stop(): Promise<void>;
}

interface ProcessorTable {
  processors: readonly Processor[];
  /** The module of the engine process that knows the same processors; default: the service's own. */
  engine?: URL;
}

/** What jobs and routes are built from. */
interface Setup {
  processors: readonly Processor[];
  models: ProcessorModels;
  /** The processors that have their models. */
  served: readonly Processor[];
  leftOut: LeftOut[];
  device: DeviceChoice;
  engine: PreprocessorEngine;
  /** What keeps the service from being ready since its start. */
  warmObstacle: () => Obstacle | undefined;
  log: Logger;
  version: string;
}

/**
 * Reads the models' headers, chooses the device and starts the engine; loads nothing but what WARM names.
 * Throws InvalidConfig, InvalidModel or DeviceUnavailable.
 */
export async function createService(
  config: Config,
  log: Logger,
  version: string,
  { processors, engine: entry }: ProcessorTable = { processors: PROCESSORS },
): Promise<PreprocessorService> {
  const notes: string[] = [];
  const leftOut = new Map<string, LeftOut>(); // several processors may try one model
  const models = modelsOf(config, processors, {
    note: (line) => notes.push(line),
    leaveOut: (model) => leftOut.set(model.id, model),
  });
  const served = servedProcessors(processors, models);
  const warm = warmProcessors(config, served);
  const device = await chooseServedDevice(deviceOptions(config), log);
  for (const note of notes) log.info(note); // a start that fails says why, in one line
  for (const { id, reason } of leftOut.values()) log.error({ id, reason }, "is left out: it cannot work");
  sharp.concurrency(machineDefaults(config).threads);
  const engine = startEngine(config, { models, device, log, entry });
  const warmObstacle = warmEngine(engine, warm, models, log);
  const parts = { processors, models, served, leftOut: [...leftOut.values()], device, engine, warmObstacle };
  const app = application(config, { ...parts, log, version });
  return { app, stop: () => engine.stop() };
}

function modelsOf(
  config: Config,
  processors: readonly Processor[],
  listeners: Pick<Parameters<typeof readProcessorModels>[0], "note" | "leaveOut">,
): ProcessorModels {
  const { modelsDir } = machineDefaults(config);
  return readProcessorModels({ processors, modelsDir, choices: modelChoices(config), ...listeners });
}

function startEngine(
  config: Config,
  { models, device: { device: name, profile }, log, entry }: Pick<Setup, "models" | "device" | "log"> & { entry?: URL },
): PreprocessorEngine {
  const { threads, budgetBytes, prepared } = machineDefaults(config);
  return new PreprocessorEngine({
    entry,
    settings: { models, device: { name, profile, threads, prepared }, budgetBytes },
    maxJobMs: config.MAX_JOB_S * 1000,
    log: ({ level, message, pid }) => log[level]({ engine: pid }, message),
  });
}

function warmEngine(engine: PreprocessorEngine, names: readonly string[], models: ProcessorModels, log: Logger) {
  const isResident = (id: string) => engine.loaded().some(({ key }) => key === id);
  return warmUp({
    names,
    load: (processor) => engine.warm(processor),
    isLoaded: (processor) => Object.values(models[processor] ?? {}).every(({ id }) => isResident(id)),
    log,
  });
}

function application(config: Config, setup: Setup): ServiceApp {
  const { processors, models, served, leftOut, device, engine, warmObstacle, log, version } = setup;
  const metrics = createMetrics({ service: "preprocessor", version });
  const observer = metrics.jobObserver("preprocessor", log);
  const pictures = { maxBodyBytes: config.MAX_BODY_MB * 2 ** 20, sources: sourcesOf(config) };
  const inflight = inflightBudget(config.INFLIGHT_MB * 1e6);
  const runEngine = measured(engine, preprocessorMetrics(metrics, engine));
  const warn = (text: string) => log.warn(text);
  const jobs = createJobs(config, { ...pictures, inflight, runEngine, observer, warn });
  metrics.watchQueue("preprocessor", () => jobs.snapshot());
  const processorOf = (id: string) => resolveProcessor(id, processors, models);
  const image = imageRoute({ ...pictures, inflight, processorOf, jobs, maxWaitMs: config.MAX_WAIT_S * 1000 });
  return createApp({
    info: { title: "Armature preprocessor", version, description: DESCRIPTION },
    log,
    metrics,
    ...accessOptions(config),
    inflight,
    routes: routeDeclarations(served),
    routers: [image, processorsRoute({ served, leftOut, device })],
    obstacle: () => engineObstacle(engine) ?? warmObstacle(),
    onDrain: () => void jobs.drain(),
  });
}

const DESCRIPTION = "Makes control images for ControlNet from pictures: edges, depth and others.";

/** Where pictures by URL may come from; undefined where they are switched off. */
function sourcesOf({ URL_SOURCES, MAX_BODY_MB, PRIVATE_SOURCES = [] }: Config): SourcePolicy | undefined {
  if (!URL_SOURCES) return undefined;
  return { ...DEFAULT_SOURCE_POLICY, maxBytes: MAX_BODY_MB * 2 ** 20, privateHosts: PRIVATE_SOURCES };
}

/** The engine's work on one picture, observed by the metrics. */
function measured(
  engine: PreprocessorEngine,
  observe: (processor: string, inferenceMs: number) => void,
): CreateJobsOptions["runEngine"] {
  return async (payload, signal) => {
    const outcome = await engine.annotate(payload, signal);
    observe(payload.processor, outcome.inferenceMs);
    return outcome;
  };
}

/** The ids in WARM, all of them served. */
function warmProcessors({ WARM = [] }: Config, served: readonly Processor[]): string[] {
  const ids = served.map(({ id }) => id);
  const unknown = WARM.find((id) => !ids.includes(id));
  if (unknown === undefined) return WARM;
  throw new InvalidConfig(`WARM: ${unknown} is no processor that is served; there is ${ids.join(", ")}`);
}
