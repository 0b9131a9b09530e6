/** The engine of a service process, as the operating system shows it. */
import { readFileSync } from "node:fs";
import { childProcesses } from "./child-processes.js";
import type { ServiceProcess } from "./services.js";

/** Process id of a service's engine, told apart from the decoders beside it; undefined while there is none. */
export function enginePid({ process: { pid } }: ServiceProcess): number | undefined {
  return childProcesses(pid, /engine[\w-]*\.js/)[0];
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}
