/** The life of a service's process: `--help`, `--device-check`, configuration, start, address, drain. */

import { configHelp, readConfig } from "@armature/config";
import { AppError } from "@armature/core";
import { chooseDevice, deviceIdentity, deviceReport } from "@armature/devices";
import { createLogger, type LOG_LEVELS, onTermination, type ServiceApp, startServer } from "@armature/http";
import type { Logger } from "pino";
import type { z } from "zod";
import type { AccessConfig } from "./access-settings.js";
import { type DeviceConfig, deviceOptions } from "./common-settings.js";

/** What every service's configuration has. */
interface CommonConfig extends DeviceConfig, AccessConfig {
  PORT: number;
  LOG_LEVEL: (typeof LOG_LEVELS)[number];
}

interface Service {
  app: ServiceApp;
  stop(): Promise<void>;
}

interface ServiceDefinition<Schema extends z.ZodObject> {
  name: string;
  /** What the service does, in one sentence for `--help`. */
  purpose: string;
  schema: Schema;
  create(config: z.output<Schema>, log: Logger, version: string): Service | Promise<Service>;
}

export const VERSION = "0.1.0";

/**
 * Runs the service until SIGTERM or SIGINT, then drains and exits with 0. A wrong configuration or model ends the start with
 * one line a mistake and exit code 1. A parent that has an IPC channel is told the address.
 */
export async function runService<Schema extends z.ZodObject>(definition: ServiceDefinition<Schema>): Promise<void> {
  const { name, purpose, schema, create } = definition;
  if (process.argv.includes("--help")) {
    console.log(`${purpose} ${DEVICE_CHECK_HELP}\n\nConfiguration by environment variables:\n\n${configHelp(schema)}`);
    return;
  }
  try {
    const config = readConfig(schema, process.env);
    const common = config as unknown as CommonConfig;
    if (process.argv.includes("--device-check")) return await checkDevice(common);
    const { HOST, PORT, ADMIN_PORT, MAX_CONNECTIONS_PER_ADDRESS, LOG_LEVEL } = common;
    const log = createLogger({ level: LOG_LEVEL, service: name, version: VERSION });
    const service = await create(config, log, VERSION);
    const server = await startServer(service.app, {
      host: HOST,
      port: PORT,
      adminPort: ADMIN_PORT,
      maxConnectionsPerAddress: MAX_CONNECTIONS_PER_ADDRESS,
    });
    const { url, adminUrl } = server;
    if (HOST === "::" && url.includes("0.0.0.0"))
      log.warn("this machine has no IPv6: HOST=:: is all its IPv4 addresses");
    log.info({ url, adminUrl }, `${name} listens on ${url}${adminUrl ? `, and for operators on ${adminUrl}` : ""}`);
    process.send?.({ type: "listening", url, adminUrl });
    for (const signal of ["SIGTERM", "SIGINT"]) process.removeAllListeners(signal); // those of main.ts, which end at once
    onTermination(async () => {
      log.info("shutting down: no new work is taken, running work ends");
      await server.drain();
      await service.stop();
    });
  } catch (error) {
    console.error(startFailure(name, error));
    process.exit(1);
  }
}

const DEVICE_CHECK_HELP = "--device-check says what the device can do, and ends.";

/** Runs the checks anew and prints what they found. Throws DeviceUnavailable where the device cannot be used. */
async function checkDevice(config: DeviceConfig): Promise<void> {
  const log = (message: string) => console.error(message);
  const choice = await chooseDevice({ ...deviceOptions(config), useCache: false, log });
  console.log(deviceReport(choice, deviceIdentity(process.env)));
}

function startFailure(name: string, error: unknown): string {
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === "EADDRINUSE")
    return `${name}: ${address}:${port} is in use; set another PORT or ADMIN_PORT, or 0 for a free one`;
  return error instanceof AppError ? `${name}: ${error.message}` : `${name}: cannot start: ${(error as Error).stack}`;
}
