import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** k6's own exit code for a claim that did not hold. */
export const CLAIM_BROKEN = 99;

export interface K6Run {
  /** The program. */
  k6: string;
  script: URL;
  /** File for what k6 logs: faults, and clients that left. */
  log: string;
  env: Record<string, string>;
}

/** k6's exit code, if it came to judge the claims. Throws where it did not. */
export async function runK6({ k6, script, log, env }: K6Run): Promise<number> {
  rmSync(log, { force: true });
  const options = ["--quiet", "--no-usage-report", "--include-system-env-vars", `--log-output=file=${log}`];
  const child = spawn(k6, ["run", ...options, fileURLToPath(script)], {
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  if (code === 0 || code === CLAIM_BROKEN) return code;
  throw new Error(`k6 ended with ${signal ?? `exit code ${code}`}; ${log} says why`);
}
