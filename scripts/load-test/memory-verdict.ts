/** Judges whether the memory of a service grew under a load test. */
import type { Sample } from "./sample-services.js";

export interface MemoryVerdict {
  /** Medians in bytes: of the second quarter of the samples, when all is loaded and warm, and of the last. */
  warm: number;
  end: number;
  peak: number;
  /** Undefined if there are too few samples to tell. */
  flat: boolean | undefined;
}

/** Garbage that is not collected yet, and the allocator's own reserve, move the total by about this much. */
const NOISE_BYTES = 32 * 2 ** 20;

/** Growth from warm to end that is still called flat. */
const NOISE_SHARE = 0.1;

/** A shorter run is still warming up in its second quarter. */
const MIN_SAMPLES = 100;

/** Whether memory stays flat under lasting load; a leak of a few MB in a hundred requests shows in minutes. */
export function judgeMemory(samples: readonly Pick<Sample, "memoryBytes">[]): MemoryVerdict {
  const bytes = samples.map(({ memoryBytes }) => memoryBytes);
  const quarter = Math.floor(bytes.length / 4);
  const warm = median(bytes.slice(quarter, 2 * quarter));
  const end = median(bytes.slice(-quarter));
  const flat = bytes.length < MIN_SAMPLES ? undefined : end - warm <= Math.max(NOISE_BYTES, NOISE_SHARE * warm);
  return { warm, end, peak: Math.max(0, ...bytes), flat };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
