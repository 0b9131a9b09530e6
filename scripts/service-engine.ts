/** The engine of a service process, as the operating system shows it. */
import { readFileSync } from "node:fs";
import { childProcesses, unlessEnded } from "./child-processes.js";
import type { ServiceProcess } from "./services.js";

/** Process id of a service's engine, told apart from the decoders beside it; undefined while there is none. */
export function enginePid({ process: { pid } }: ServiceProcess): number | undefined {
  return childProcesses(pid, /engine[\w-]*\.js/)[0];
}

/** Resident memory of a process, in bytes; 0 once it has ended. */
export function residentBytes(pid: number): number {
  const status = unlessEnded(() => readFileSync(`/proc/${pid}/status`, "utf8"));
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(status ?? "")?.[1] ?? 0);
}
