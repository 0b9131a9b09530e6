/** Variables that mean the same in every service, each described once. */
import { totalmem } from "node:os";
import { join } from "node:path";
import { commaList, defaultCacheFolder } from "@armature/config";
import { memoryLimit, usableCpus } from "@armature/core";
import { LOG_LEVELS } from "@armature/http";
import type { PreparedSettings } from "@armature/runtime";
import { z } from "zod";
import { accessSettings } from "./access-settings.js";

/** A whole number from 1. */
export const count = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

/** Where a service listens and for whom, what it holds for them, and what it tells. */
export const listenSettings = (port: number) => ({
  HOST: z.string().default("127.0.0.1").describe("Address to listen on; :: for all"),
  PORT: z.coerce.number().int().min(0).max(65535).default(port).describe("Port to listen on; 0 picks a free one"),
  ...accessSettings,
  INFLIGHT_MB: count(512).describe(
    "Megabytes (10^6 bytes) that requests may hold in this process: a quarter for bodies and files, the rest for decoded pictures",
  ),
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info").describe("Least severe messages to log"),
});

/** What computes, and how it is chosen. */
export const deviceSettings = {
  DEVICE: z
    .enum(["cpu", "webgpu", "cuda", "auto"])
    .default("cpu")
    .describe(
      "What computes; auto: the best that proves itself in the checks at the start and is quicker than the CPU",
    ),
  DEVICE_CHECK_TIMEOUT_S: count(60).describe("Seconds that one check of a GPU may take, with its shaders' compilation"),
};

/** What of the machine the service may use. */
export const machineSettings = {
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
  CACHE_DIR: z
    .string()
    .optional()
    .describe(
      "Folder of what may be made anew at any time; default ~/.cache/armature, without a home a folder in the temporary one",
    ),
};

/** Disk space for prepared weights, `gigabytes` unless said. */
export const preparedSettings = (gigabytes: number) => ({
  PREPARED_GB: z.coerce
    .number()
    .min(0)
    .default(gigabytes)
    .describe(
      "Gigabytes in CACHE_DIR for this service's weights in the form that the CPU computes with, made at first load; 0: none",
    ),
});

export const PRIVATE_SOURCES = commaList(z.string()).describe(
  "Hosts (host or host:port) at private addresses that picture URLs may name; default none",
);

const DeviceConfig = z.object({ ...deviceSettings, ...machineSettings });
export type DeviceConfig = z.infer<typeof DeviceConfig>;
export type MachineConfig = Pick<DeviceConfig, keyof typeof machineSettings>;

/** What depends on the machine: settings that were left open, as they are here. */
export function machineDefaults(config: MachineConfig) {
  const { THREADS, MEMORY_BUDGET_GB, CACHE_DIR } = config;
  return {
    threads: THREADS ?? usableCpus(),
    cacheDir: CACHE_DIR ?? defaultCacheFolder(),
    budgetBytes: MEMORY_BUDGET_GB ? MEMORY_BUDGET_GB * 1e9 : 0.7 * Math.min(memoryLimit() ?? totalmem(), totalmem()),
  };
}

/**
 * Where a service keeps prepared weights; undefined: nowhere. Services that share CACHE_DIR have a folder each, because each
 * service removes what is above its own limit.
 */
export function preparedCache(
  service: "diffusion" | "preprocessor",
  config: MachineConfig & { PREPARED_GB: number },
): PreparedSettings | undefined {
  if (config.PREPARED_GB === 0) return undefined;
  const { cacheDir } = machineDefaults(config);
  return { folder: join(cacheDir, "prepared", service), limitBytes: config.PREPARED_GB * 1e9 };
}

/** How the device is chosen. */
export function deviceOptions(config: DeviceConfig) {
  const { threads, cacheDir } = machineDefaults(config);
  return { device: config.DEVICE, threads, cacheDir, checkTimeoutMs: config.DEVICE_CHECK_TIMEOUT_S * 1000 };
}
