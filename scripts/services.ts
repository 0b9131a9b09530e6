/** Starts the two services as processes of their own, for the commands and tests that want a whole stack. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { builtFile } from "@armature/core";

export interface ServiceProcess {
  url: string;
  /** Address of the operators' port, with ADMIN_PORT. */
  adminUrl: string | undefined;
  process: ChildProcess;
  /** SIGTERM, so that running work ends; gives the exit code, or null after a signal. */
  stop(): Promise<number | null>;
}

interface StackOptions {
  /** Ports; 0 or undefined picks free ones. */
  preprocessorPort?: number;
  diffusionPort?: number;
  /** Further environment of both. */
  env?: Record<string, string>;
  /** `inherit` shows the services' logs; `ignore` drops them. */
  output?: "inherit" | "ignore";
}

export interface Stack {
  preprocessor: ServiceProcess;
  diffusion: ServiceProcess;
  stop(): Promise<void>;
}

export type ServiceName = "preprocessor" | "diffusion";

/** The built entry of a service. */
export const serviceEntry = (name: ServiceName): string => builtFile(`services/${name}/dist/main.js`);

/** Starts both; the diffusion service is told where the preprocessor listens. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { preprocessorPort = 0, diffusionPort = 0, env = {}, output = "inherit" } = options;
  const preprocessor = await startService("preprocessor", { ...env, PORT: String(preprocessorPort) }, output);
  try {
    const urls = { PREPROCESSOR_URLS: preprocessor.url };
    const diffusion = await startService("diffusion", { ...urls, ...env, PORT: String(diffusionPort) }, output);
    return {
      preprocessor,
      diffusion,
      async stop() {
        await diffusion.stop();
        await preprocessor.stop();
      },
    };
  } catch (error) {
    await preprocessor.stop();
    throw error;
  }
}

/**
 * Starts one service and waits until it listens; its log goes to `output`, line by line if that is a function. Throws if it ends
 * before that; it has then said why on standard error.
 */
export async function startService(
  name: ServiceName,
  env: Record<string, string>,
  output: "inherit" | "ignore" | ((line: string) => void) = "inherit",
): Promise<ServiceProcess> {
  const stdout = typeof output === "string" ? output : "pipe";
  const child = fork(serviceEntry(name), {
    env: { ...process.env, ...env },
    stdio: ["ignore", stdout, "inherit", "ipc"],
  });
  if (typeof output === "function") createInterface(child.stdout!).on("line", output);
  const { url, adminUrl } = await listening(name, child);
  return {
    url,
    adminUrl,
    process: child,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill("SIGTERM");
      const [code] = (await once(child, "exit")) as [number | null];
      return code;
    },
  };
}

interface Listening {
  url: string;
  adminUrl?: string;
}

function listening(name: string, child: ChildProcess): Promise<Listening> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code, signal) =>
      reject(new Error(`The ${name} service ended with ${signal ?? `exit code ${code}`}`)),
    );
    child.on("message", (message: Partial<Listening> & { type?: string }) => {
      const { type, url, adminUrl } = message;
      if (type === "listening" && url) resolve(adminUrl ? { url, adminUrl } : { url });
    });
  });
}
