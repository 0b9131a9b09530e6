/** The engine of a service process, as the operating system shows it. */
import { readFileSync } from "node:fs";
import type { ServiceProcess } from "../scripts/services.js";

/** Its process id, told from the decoders beside it; undefined while there is none. */
export function enginePid({ process: { pid } }: ServiceProcess): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  const engine = children.find((child) => /engine[\w-]*\.js/.test(readFileSync(`/proc/${child}/cmdline`, "utf8")));
  return engine ? Number(engine) : undefined;
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}
