import { totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { commaList, flag } from "@armature/shared/config/env";
import { modelId, name } from "@armature/shared/contract/names";
import { memoryLimit, usableCpus } from "@armature/shared/engine/cpu-quota";
import { LOG_LEVELS } from "@armature/shared/http/request-log";
import { z } from "zod";

const EMBEDDED_MODELS = fileURLToPath(new URL("../../../models", import.meta.url));

const count = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

/** The service's whole configuration, from environment variables. */
export const Config = z.object({
  MODELS_DIR: z.string().optional().describe("Root of the model folders; default the embedded models"),
  DEPTH_MODEL: modelId
    .optional()
    .describe(
      "Id of the DPT model that depth_midas uses, such as Intel/dpt-hybrid-midas; default depth-dpt-tiny, else the first there is",
    ),
  WARM: commaList(name).describe(
    "Processors whose models to load at the start, comma-separated; default none: at first use",
  ),
  HOST: z.string().default("127.0.0.1").describe("Address to listen on; :: for all"),
  PORT: z.coerce.number().int().min(0).max(65535).default(2222).describe("Port to listen on; 0 picks a free one"),
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info").describe("Least severe messages to log"),
  DEVICE: z.enum(["cpu"]).default("cpu").describe("What computes"),
  THREADS: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe("Threads of a model's operators; default the CPUs that the container may use"),
  MEMORY_BUDGET_GB: z.coerce
    .number()
    .min(0.01)
    .optional()
    .describe("Gigabytes (10^9 bytes) of model weights to keep loaded; default 70 % of the memory there is"),
  QUEUE_LIMIT: count(16).describe("Requests that may wait; a further one gets 429"),
  QUEUE_LIMIT_PER_CLIENT: count(16).describe("Requests of one client address that may wait"),
  MAX_WAIT_S: count(120).describe("Seconds that a request may wait for its start"),
  MAX_JOB_S: count(300).describe("Seconds that one picture may take; then the engine is restarted"),
  MAX_PIXELS: count(50_000_000).describe("Width x height of a picture"),
  MAX_BODY_MB: count(32).describe("Megabytes of a request's body, and of a picture fetched from a URL"),
  URL_SOURCES: flag().default(true).describe("Whether requests may name pictures by URL"),
  PRIVATE_SOURCES: commaList(z.string()).describe(
    "Hosts (host or host:port) at private addresses that picture URLs may name; default none",
  ),
});

export type Config = z.infer<typeof Config>;

/** What depends on the machine: settings that were left open, as they are here. */
export function machineDefaults({ MODELS_DIR, THREADS, MEMORY_BUDGET_GB }: Config) {
  return {
    modelsDir: MODELS_DIR ?? EMBEDDED_MODELS,
    threads: THREADS ?? usableCpus(),
    budgetBytes: MEMORY_BUDGET_GB ? MEMORY_BUDGET_GB * 1e9 : 0.7 * Math.min(memoryLimit() ?? totalmem(), totalmem()),
  };
}
