/** What the container allows: CPU threads and memory. Linux control groups, version 2 and 1; elsewhere there is no limit to read. */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

/** Files in which the system describes control groups; tests give their own. */
interface CgroupFiles {
  /** Where the control groups are mounted. */
  root: string;
  /** Which group this process is in. */
  self: string;
}

const SYSTEM: CgroupFiles = { root: "/sys/fs/cgroup", self: "/proc/self/cgroup" };

/** Version 1 writes "no limit" as the largest multiple of the page size in 63 bits. */
const NO_LIMIT_V1 = 2 ** 62;

/**
 * How many threads can compute at once: the processors that this process may run on, or the CPU quota of its group if that
 * is less. A quota is rounded to the nearest whole number (1.5 to 2): one thread too many waits out the end of each
 * period with all others, one too few leaves up to a whole processor unused. At least 1.
 */
export function usableCpus(files: CgroupFiles = SYSTEM, processors = availableParallelism()): number {
  return Math.max(1, Math.min(processors, Math.round(cpuQuota(files))));
}

/** Whether a CPU quota leaves this process less than the processors that it may run on: then waiting in a loop spends what computing needs. */
export function hasCpuQuota(files: CgroupFiles = SYSTEM, processors = availableParallelism()): boolean {
  return cpuQuota(files) < processors;
}

/** The memory limit of this process's group in bytes, or undefined if there is none. */
export function memoryLimit(files: CgroupFiles = SYSTEM): number | undefined {
  const limits = groupFolders(files, "memory").map((folder) => {
    const limit = limitOf(read(join(folder, "memory.max")) ?? read(join(folder, "memory.limit_in_bytes")));
    return limit < NO_LIMIT_V1 ? limit : Number.POSITIVE_INFINITY;
  });
  const limit = Math.min(...limits);
  return Number.isFinite(limit) ? limit : undefined;
}

/** The quota of the control group, in processors; infinite where there is none. */
function cpuQuota(files: CgroupFiles): number {
  return Math.min(...groupFolders(files, "cpu").map(quotaOf));
}

function quotaOf(folder: string): number {
  const [quota, period] = read(join(folder, "cpu.max"))?.split(" ") ?? [
    read(join(folder, "cpu.cfs_quota_us")),
    read(join(folder, "cpu.cfs_period_us")),
  ];
  return quota === undefined ? Number.POSITIVE_INFINITY : limitOf(quota) / Number(period);
}

/**
 * Every folder whose limit holds for this process: that of its group and those above it. Some may not exist, as where a
 * container shows only its own part of the tree under the path of the whole.
 */
function groupFolders({ root, self }: CgroupFiles, controller: "cpu" | "memory"): string[] {
  const groups = (read(self) ?? "").matchAll(/^\d+:([^:]*):(.*)$/gm);
  return [...groups].flatMap(([, controllers = "", path = "/"]) => {
    if (controllers === "") return ancestors(root, path); // version 2
    if (!controllers.split(",").includes(controller)) return [];
    return [controller, controllers].flatMap((mount) => ancestors(join(root, mount), path));
  });
}

function ancestors(root: string, path: string): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== "..");
  return [root, ...names.map((_, i) => join(root, ...names.slice(0, i + 1)))];
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Infinite for "max", -1, or no value at all: each means that there is no limit. */
function limitOf(text: string | undefined): number {
  const value = Number(text ?? "max");
  return value > 0 ? value : Number.POSITIVE_INFINITY;
}
