/** How much of the device's memory this process may take: as a setting says, else as NVIDIA's tool does. */
import { type CardMemory, readCardMemory } from "./nvidia-smi.js";

export interface MemorySettings {
  /** Bytes of the device that this service may use; undefined: what is free is asked. */
  bytes?: number | undefined;
  /** Never taken: what sums cannot foresee, and other programs. */
  reserveBytes: number;
}

/** What is free now. `heldBytes`: what this process has taken by its own sums, which a setting must be told. */
export type ReadMemory = (heldBytes: number) => Promise<DeviceMemory>;

export interface DeviceMemory {
  /** Source of the numbers: a variable, or a card. */
  source: string;
  freeBytes: number;
  totalBytes: number;
}

export const MEMORY_VARIABLE = "DEVICE_MEMORY_GB";

/** Throws an Error with the reason where nothing says it. */
export function memoryReader(
  { bytes }: MemorySettings,
  env: Readonly<Record<string, string | undefined>>,
  timeoutMs?: number,
): ReadMemory {
  if (bytes === undefined) return async () => ofCard(await readCardMemory({ env, ...(timeoutMs && { timeoutMs }) }));
  return async (heldBytes) => ({ source: MEMORY_VARIABLE, freeBytes: bytes - heldBytes, totalBytes: bytes });
}

function ofCard({ card, freeBytes, totalBytes }: CardMemory): DeviceMemory {
  return { source: `nvidia-smi, ${card}`, freeBytes, totalBytes };
}
