/** Admission as the engine calls it: by the networks that a request uses. */

import { DEVICE_FORMS, type MemorySettings, memoryReader } from "@armature/devices";
import type { OpenNetworks, Residency } from "@armature/runtime";
import type { Catalogue } from "../catalogue.js";
import type { DiffusionDevice } from "../device-settings.js";
import type { NetworkUse } from "../network-use.js";
import { Admission } from "./admission.js";
import { findInCatalogue, memoryOfUses } from "./network-memory.js";

export interface RequestAdmissionOptions {
  catalogue: Catalogue;
  device: DiffusionDevice & { opened: OpenNetworks };
  /** Undefined: nobody knows how much there is. */
  memory: MemorySettings | undefined;
  residency: Residency;
}

/** Holds a request against the device's memory; on the CPU, and where that is not known, all are let through. */
export function requestAdmission(options: RequestAdmissionOptions): (uses: readonly NetworkUse[]) => Promise<void> {
  const { catalogue, device, memory, residency } = options;
  const { name = "cpu", profile, vaeProfile, opened } = device;
  if (!memory || name === "cpu") return async () => {};
  const { heldPerLive } = DEVICE_FORMS[name];
  const memoryOf = memoryOfUses(findInCatalogue(catalogue), { profile, vaeProfile, heldPerLive });
  const admission = new Admission({
    opened,
    residency,
    readMemory: memoryReader(memory, process.env),
    reserveBytes: memory.reserveBytes,
    // the service logs what its engine prints
    warn: (message) => process.stderr.write(`${message}\n`),
  });
  return (uses) => admission.admit(memoryOf(uses));
}
