import type { DeviceMemoryInfo } from "@armature/contract";
import { MEMORY_VARIABLE, type MemorySettings, memoryReader } from "@armature/devices";
import type { Logger } from "pino";

/** The device's memory that requests are held against, or that they are not: `GET /models` tells it, and the log once. */
export async function memoryInfo(settings: MemorySettings, log: Logger): Promise<DeviceMemoryInfo> {
  const { reserveBytes: reserve } = settings;
  try {
    const { source, totalBytes } = await memoryReader(settings, process.env)(0);
    log.info(
      { source, totalBytes, reserve },
      "requests that need more of the device's memory than there is are refused",
    );
    return { checked: true, source, bytes: totalBytes, reserve };
  } catch (error) {
    const source = `${(error as Error).message}; ${MEMORY_VARIABLE} says how much there is`;
    log.warn(`requests are not held against the device's memory: ${source}`);
    return { checked: false, source, reserve };
  }
}
