/** Admission as the engine calls it: by the networks that a request uses. */
import { DEVICE_FORMS, type MemorySettings, memoryReader } from "@armature/devices";
import type { OpenNetworks, Residency } from "@armature/runtime";
import type { DiffusionDevice } from "../../facts/device-settings.js";
import type { NetworkUse } from "../../facts/network-use.js";
import type { Served } from "../../served/served.js";
import { Admission } from "./admission.js";
import { findInFolders, memoryOfUses } from "./network-memory.js";

interface RequestAdmissionOptions {
  served: Served;
  device: DiffusionDevice & { opened: OpenNetworks };
  /** Undefined: nobody knows how much there is. */
  memory: MemorySettings | undefined;
  residency: Residency;
}

/** Holds the networks of a request against the device's memory. */
interface RequestAdmission {
  /** Throws OutOfMemory where an empty device would not hold the networks of each stage. */
  requireRoom(stages: readonly (readonly NetworkUse[])[]): Promise<void>;
  /** Makes room for these networks; those of `later` are released after all others. */
  admit(uses: readonly NetworkUse[], later: readonly NetworkUse[]): Promise<void>;
}

/** On the CPU, and where it is not known how much memory there is, all are let through. */
export function requestAdmission(options: RequestAdmissionOptions): RequestAdmission {
  const { served, device, memory, residency } = options;
  const { name = "cpu", profile, vaeProfile, opened } = device;
  if (!memory || name === "cpu") return { requireRoom: async () => {}, admit: async () => {} };
  const { heldPerLive } = DEVICE_FORMS[name];
  const memoryOf = memoryOfUses(findInFolders(served), { profile, vaeProfile, heldPerLive });
  const admission = new Admission({
    opened,
    residency,
    readMemory: memoryReader(memory, process.env),
    reserveBytes: memory.reserveBytes,
    // the service logs what its engine prints
    warn: (message) => process.stderr.write(`${message}\n`),
  });
  return {
    requireRoom: (stages) => admission.requireRoom(stages.map(memoryOf)),
    admit: (uses, later) => admission.admit(memoryOf(uses), memoryOf(later)),
  };
}
