/** Puts the diffusion service together from its configuration: what is served, engine, jobs, routes. The only file that wires. */
import { randomInt } from "node:crypto";
import type { DeviceMemoryInfo, Precision } from "@armature/contract";
import { type Inflight, inflight } from "@armature/core";
import type { DeviceChoice } from "@armature/devices";
import { createApp, createMetrics, type ServiceApp, type ServiceMetrics } from "@armature/http";
import { sharp } from "@armature/images";
import type { Jobs } from "@armature/jobs";
import { DEFAULT_SOURCE_POLICY, type SourcePolicy } from "@armature/net";
import { accessOptions, chooseServedDevice, deviceOptions, engineObstacle, warmUp } from "@armature/service";
import type { Logger } from "pino";
import {
  adapterSelection,
  bodyBytes,
  type Config,
  decodeLimits,
  deviceMemory,
  jobSettings,
  machineDefaults,
  requestLimits,
} from "./config.js";
import { lookAt } from "./control-images/look-at.js";
import { CHUNKS_COST, PreprocessorClient } from "./control-images/preprocessor-client.js";
import { DiffusionEngine } from "./engine/diffusion-engine.js";
import { loadedStatus } from "./engine/load-status.js";
import { memoryInfo } from "./engine/memory/memory-info.js";
import { routeDeclarations } from "./http/declarations.js";
import { type DiffusionMetrics, diffusionMetrics } from "./http/metrics.js";
import { generateRoute } from "./http/routes/generate.js";
import { loadRoutes, servedRoutes } from "./http/routes/served.js";
import { createJobs } from "./jobs/create-jobs.js";
import { readServed } from "./served/read-served.js";
import type { Selected } from "./served/served.js";
import { warmIds } from "./served/warm-ids.js";

interface DiffusionService {
  app: ServiceApp;
  /** Lets the engine end its work and closes connections to other services. */
  stop(): Promise<void>;
}

/**
 * Reads what is served, chooses the device and starts the engine; loads nothing but what WARM names.
 * Throws InvalidConfig, InvalidModel or DeviceUnavailable.
 */
export async function createService(config: Config, log: Logger, version: string): Promise<DiffusionService> {
  const notes: string[] = [];
  const served = readConfigured(config, (line) => notes.push(line));
  const warm = warmIds(config.WARM ?? [], served);
  const device = await chooseServedDevice(deviceOptions(config), log);
  for (const note of notes) log.info(note); // a start that fails says why, in one line
  logLeftOut(served, log);
  const computing = await computingOn(device, config, log);
  const configured = { config, served, computing, inflight: inflight(config.INFLIGHT_MB * 1e6), log };
  const metrics = createMetrics({ service: "diffusion", version });
  const engine = startEngine(configured);
  const preprocessor = preprocessorOf(configured);
  const sources = sourcesOf(config);
  const jobs = startJobs(configured, { engine, preprocessor, sources, metrics });
  const warmObstacle = warmEngine(warm, engine, log);
  const app = createApp({
    info: { title: "Armature diffusion", version, description: DESCRIPTION },
    log,
    metrics,
    ...accessOptions(config),
    inflight: configured.inflight,
    routes: routeDeclarations(requestLimits(config)),
    ...routers(configured, { engine, jobs, sources }),
    obstacle: () => engineObstacle(engine) ?? warmObstacle(),
    onDrain: () => void jobs.drain(),
  });
  return {
    app,
    async stop() {
      await engine.stop();
      await preprocessor.close();
    },
  };
}

const DESCRIPTION =
  "Stable Diffusion with ControlNet. Parameters are named as in diffusers; the same seed gives the same picture.";

/** What the configuration comes to on this machine. */
interface Configured {
  config: Config;
  served: Selected;
  computing: Computing;
  /** What all that requests bring and make is held against. */
  inflight: Inflight;
  log: Logger;
}

/** What computes, and how. */
interface Computing {
  device: DeviceChoice;
  /** Of requests that do not say; undefined: the device has no choice. */
  precision: Precision | undefined;
  /** What requests are held against; undefined on the CPU. */
  memory: DeviceMemoryInfo | undefined;
}

function readConfigured(config: Config, note: (line: string) => void): Selected {
  const { modelsDir } = machineDefaults(config);
  return readServed({ modelsDir, models: config.MODELS, adapters: adapterSelection(config), note });
}

async function computingOn(device: DeviceChoice, config: Config, log: Logger): Promise<Computing> {
  if (device.device === "cpu") return { device, precision: config.PRECISION, memory: undefined };
  return { device, precision: undefined, memory: await memoryInfo(deviceMemory(config), log) };
}

function startEngine({ config, served, computing, log }: Configured): DiffusionEngine {
  const { threads, budgetBytes, prepared } = machineDefaults(config);
  sharp.concurrency(threads);
  const { device, precision, memory } = computing;
  const { device: name, profile, vaeProfile } = device;
  return new DiffusionEngine({
    settings: {
      ...{ served, precision, budgetBytes },
      device: { name, profile, vaeProfile, threads, prepared },
      deviceMemory: memory?.checked ? deviceMemory(config) : undefined,
    },
    log: ({ level, message, pid }) => log[level]({ engine: pid }, message),
  });
}

const preprocessorOf = ({ config, inflight: { encoded, pixels } }: Configured): PreprocessorClient =>
  new PreprocessorClient({
    urls: config.PREPROCESSOR_URLS ?? [],
    timeoutMs: config.PREPROCESSOR_TIMEOUT_S * 1000,
    maxBytes: Math.min(4 * config.MAX_INPUT_PIXELS, Math.floor(encoded.perClientBytes / CHUNKS_COST)),
    decode: (file, signal) => lookAt(file, { decodeLimits: decodeLimits(config), pixels, signal }),
  });

const sourcesOf = (config: Config): SourcePolicy => ({
  ...DEFAULT_SOURCE_POLICY,
  maxBytes: bodyBytes(config),
  privateHosts: config.PRIVATE_SOURCES ?? [],
});

interface JobDeps {
  engine: DiffusionEngine;
  preprocessor: PreprocessorClient;
  sources: SourcePolicy;
  metrics: ServiceMetrics;
}

function startJobs({ config, inflight, log }: Configured, { engine, preprocessor, sources, metrics }: JobDeps): Jobs {
  const observed: DiffusionMetrics = diffusionMetrics(metrics, engine);
  const jobs = createJobs(jobSettings(config), {
    ...{ preprocessor, sources, inflight },
    warn: (text) => log.warn(text),
    runEngine(payload, signal, onProgress) {
      const watch = observed.watchJob(payload.model);
      return engine.generate(payload, signal, (event) => {
        watch(event);
        onProgress(event);
      });
    },
    setLoaded: (id, load) => engine.setLoaded(id, load),
    observer: metrics.jobObserver("diffusion", log),
    controlCache: observed.controlCache,
  });
  metrics.watchQueue("diffusion", () => jobs.snapshot());
  return jobs;
}

interface RouteDeps {
  engine: DiffusionEngine;
  jobs: Jobs;
  sources: SourcePolicy;
}

function routers({ config, served, computing, inflight }: Configured, { engine, jobs, sources }: RouteDeps) {
  const { device, precision, memory: deviceMemory } = computing;
  const generate = generateRoute({
    context: { served, limits: requestLimits(config), precision, drawSeed: () => randomInt(2 ** 32) },
    ...{ jobs, sources, inflight, maxWaitMs: config.MAX_WAIT_S * 1000, maxBodyBytes: bodyBytes(config) },
  });
  const deps = { served, jobs, device, deviceMemory, precision, loaded: () => engine.loaded() };
  return { routers: [generate, servedRoutes(deps)], operatorRouters: [loadRoutes(deps)] };
}

function logLeftOut({ leftOut: { models, adapters } }: Selected, log: Logger): void {
  for (const { id, reason } of [...models, ...Object.values(adapters).flat()])
    log.error({ id, reason }, "is left out: it cannot work");
}

function warmEngine(named: ReadonlyMap<string, readonly string[]>, engine: DiffusionEngine, log: Logger) {
  const isLoaded = (id: string) => loadedStatus(id, engine.loaded()) !== undefined;
  return warmUp({
    names: [...named.keys()],
    async load(name) {
      for (const id of named.get(name)!) await engine.setLoaded(id, true);
    },
    isLoaded: (name) => named.get(name)!.every(isLoaded),
    log,
  });
}
