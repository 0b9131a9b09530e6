/** Puts the diffusion service together from its configuration: engine, jobs, routes, application. */

import { randomInt } from "node:crypto";
import type { DeviceMemoryInfo } from "@armature/contract";
import { InvalidConfig } from "@armature/core";
import { MEMORY_VARIABLE, type MemorySettings, memoryReader } from "@armature/devices";
import { createApp, createMetrics, type ServiceApp } from "@armature/http";
import { sharp } from "@armature/images";
import { DEFAULT_SOURCE_POLICY } from "@armature/net";
import { chooseServedDevice, deviceOptions, engineObstacle } from "@armature/service";
import type { Logger } from "pino";
import { type Config, deviceMemory, machineDefaults } from "../config.js";
import { PreprocessorClient } from "../control-images/preprocessor-client.js";
import { DiffusionEngine } from "../engine/diffusion-engine.js";
import { createJobs } from "../jobs/create-jobs.js";
import { readServed } from "../served/served.js";
import { routeDeclarations } from "./declarations.js";
import { diffusionMetrics } from "./metrics.js";
import { generateRoute } from "./routes/generate.js";
import { servedRoutes } from "./routes/served.js";

export interface DiffusionService {
  app: ServiceApp;
  /** Lets the engine end its work and closes connections to other services. */
  stop(): Promise<void>;
}

/**
 * Reads the served, chooses the device and starts the engine; loads nothing but what WARM names.
 * Throws InvalidConfig, InvalidModel or DeviceUnavailable.
 */
export async function createService(config: Config, log: Logger, version: string): Promise<DiffusionService> {
  const { modelsDir, threads, budgetBytes, prepared } = machineDefaults(config);
  sharp.concurrency(threads);
  const notes: string[] = [];
  const served = readServed({
    modelsDir,
    models: config.MODELS,
    controlnets: config.CONTROLNETS,
    note: (line) => notes.push(line),
  });
  const warm = warmKeys(config, served);
  const device = await chooseServedDevice(deviceOptions(config), log);
  for (const note of notes) log.info(note); // a start that fails says why, in one line
  const onDevice = device.device !== "cpu";
  const memory = onDevice ? deviceMemory(config) : undefined;
  const memoryInfo = memory && (await aboutMemory(memory, log));
  const precision = onDevice ? undefined : config.PRECISION;
  const metrics = createMetrics({ service: "diffusion", version });
  const engine = new DiffusionEngine({
    settings: {
      served,
      device: {
        name: device.device,
        profile: device.profile,
        vaeProfile: device.vaeProfile,
        threads,
        prepared,
      },
      precision,
      budgetBytes,
      deviceMemory: memoryInfo?.checked ? memory : undefined,
    },
    log: ({ level, message, pid }) => log[level]({ engine: pid }, message),
  });
  const observed = diffusionMetrics(metrics, engine);
  const limits = {
    maxPixels: config.MAX_PIXELS,
    maxSteps: config.MAX_STEPS,
    maxImages: config.MAX_IMAGES,
    maxControlNets: config.MAX_CONTROLNETS,
    maxPromptLength: config.MAX_PROMPT_LENGTH,
    maxWork: config.MAX_WORK,
  };
  const maxBodyBytes = config.MAX_BODY_MB * 2 ** 20;
  const preprocessor = new PreprocessorClient({
    urls: config.PREPROCESSOR_URLS ?? [],
    timeoutMs: config.PREPROCESSOR_TIMEOUT_S * 1000,
    maxBytes: 4 * config.MAX_INPUT_PIXELS,
  });
  const sources = { ...DEFAULT_SOURCE_POLICY, maxBytes: maxBodyBytes, privateHosts: config.PRIVATE_SOURCES ?? [] };
  const jobs = createJobs(config, {
    preprocessor,
    sources,
    runEngine(payload, signal, onProgress) {
      const watch = observed.watchJob(payload.model);
      return engine.generate(payload, signal, (event) => {
        watch(event);
        onProgress(event);
      });
    },
    setLoaded: (key, load) => engine.setLoaded(key, load),
    observer: metrics.jobObserver("diffusion", log),
    controlCache: observed.controlCache,
  });
  metrics.watchQueue("diffusion", () => jobs.snapshot());
  const generate = generateRoute({
    context: { served, limits, precision, drawSeed: () => randomInt(2 ** 32) },
    jobs,
    sources,
    maxWaitMs: config.MAX_WAIT_S * 1000,
    maxBodyBytes,
  });
  const servedRoute = servedRoutes({
    served,
    jobs,
    device,
    deviceMemory: memoryInfo,
    precision,
    loaded: () => engine.loaded(),
  });
  const app = createApp({
    info: {
      title: "Armature diffusion",
      version,
      description:
        "Stable Diffusion with ControlNet. Parameters are named as in diffusers; the same seed gives the same picture.",
    },
    log,
    metrics,
    routes: routeDeclarations(limits),
    routers: [generate, servedRoute],
    obstacle: () => engineObstacle(engine),
    onDrain: () => void jobs.drain(),
  });
  for (const key of warm) {
    engine
      .setLoaded(key, true)
      .catch((error: Error) => log.error({ key, err: error }, "could not be loaded at the start"));
  }
  return {
    app,
    async stop() {
      await engine.stop();
      await preprocessor.close();
    },
  };
}

/** What requests will be held against, or that they will not: said once. */
async function aboutMemory(settings: MemorySettings, log: Logger): Promise<DeviceMemoryInfo> {
  const { reserveBytes: reserve } = settings;
  try {
    const { source, totalBytes } = await memoryReader(settings, process.env)(0);
    log.info(
      { source, totalBytes, reserve },
      "requests that need more of the device's memory than there is are refused",
    );
    return { checked: true, source, bytes: totalBytes, reserve };
  } catch (error) {
    const source = `${(error as Error).message}; ${MEMORY_VARIABLE} says how much there is`;
    log.warn(`requests are not held against the device's memory: ${source}`);
    return { checked: false, source, reserve };
  }
}

/** Keys of the served for the names in WARM. */
function warmKeys({ WARM = [] }: Config, served: ReturnType<typeof readServed>): string[] {
  const keys = new Map([
    ...served.models.map(({ id }) => [id, id] as const),
    ...served.controlnets.map(({ type, id }) => [type, id] as const),
  ]);
  return WARM.map((name) => {
    const key = keys.get(name);
    if (key) return key;
    throw new InvalidConfig(
      `WARM: ${name} is neither a model nor a ControlNet type served; there is ${[...keys.keys()].join(", ")}`,
    );
  });
}
