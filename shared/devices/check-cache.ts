/** Remembers what checks found, until the device, its driver or the runtime is another one. */
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DeviceChoice } from "./self-check.js";

/** Raised when a check changes its meaning, or one is added. */
const CHECKS_VERSION = 2;
/** Machines that share a cache folder. */
const MOST_ENTRIES = 16;
const FILE = "device-checks.json";

interface Entry {
  key: string;
  choice: DeviceChoice;
}

interface CheckCache {
  get(key: string): DeviceChoice | undefined;
  set(key: string, choice: DeviceChoice): void;
}

/**
 * A cache in the folder; a file that cannot be read counts as empty, one that cannot be written is done without. Where two
 * processes write at once the later one's file stays, and the other's checks run again at its next start.
 */
export function openCheckCache(folder: string): CheckCache {
  const file = join(folder, FILE);
  return {
    get: (key) => readEntries(file).find((entry) => entry.key === key)?.choice,
    set(key, choice) {
      const others = readEntries(file).filter((entry) => entry.key !== key);
      const entries = [{ key, choice }, ...others].slice(0, MOST_ENTRIES);
      try {
        mkdirSync(folder, { recursive: true });
        const part = `${file}.${randomUUID()}`; // each container's service may be process 1
        writeFileSync(part, JSON.stringify({ version: CHECKS_VERSION, entries }, null, 1));
        renameSync(part, file);
      } catch {
        // a read-only folder: the checks run at each start
      }
    },
  };
}

function readEntries(file: string): Entry[] {
  try {
    const { version, entries } = JSON.parse(readFileSync(file, "utf8")) as { version: number; entries: Entry[] };
    return version === CHECKS_VERSION ? entries : [];
  } catch {
    return [];
  }
}
