/** Admission as the engine calls it: by a request's payload. */

import { DEVICE_FORMS, type MemorySettings, memoryReader } from "@armature/devices";
import type { OpenNetworks, Residency } from "@armature/runtime";
import type { Catalogue } from "../catalogue.js";
import type { DeviceSettings } from "../device-settings.js";
import { Admission } from "./admission.js";
import { type DevicePayload, requestUnits } from "./request-units.js";

export interface RequestAdmissionOptions {
  catalogue: Catalogue;
  device: DeviceSettings & { opened: OpenNetworks };
  /** Undefined: nobody knows how much there is. */
  memory: MemorySettings | undefined;
  residency: Residency;
}

/** Holds a request against the device's memory; on the CPU, and where that is not known, all are let through. */
export function requestAdmission(options: RequestAdmissionOptions): (payload: DevicePayload) => Promise<void> {
  const { catalogue, device, memory, residency } = options;
  const { name = "cpu", profile, vaeProfile = profile, opened } = device;
  if (!memory || name === "cpu") return async () => {};
  const unitsOf = requestUnits(catalogue, { profile, vaeProfile, heldPerLive: DEVICE_FORMS[name].heldPerLive });
  const admission = new Admission({
    opened,
    residency,
    readMemory: memoryReader(memory, process.env),
    reserveBytes: memory.reserveBytes,
    // the service logs what its engine prints
    warn: (message) => process.stderr.write(`${message}\n`),
  });
  return (payload) => admission.admit(unitsOf(payload));
}
