/** The networks of the engine process, which come and go under its memory budget and the device's. */
import type { Precision } from "@armature/contract";
import { OpenNetworks, Residency, type ResidentStatus } from "@armature/runtime";
import { type NetworkUse, residentKey, type UnsizedUse } from "../facts/network-use.js";
import { allWeights } from "../served/served.js";
import { usesOf } from "../served/served-networks.js";
import type { EngineSettings } from "./calls.js";
import { loadableUses, loadNetworks, type SessionOf } from "./load-networks.js";
import { requestAdmission } from "./memory/request-admission.js";

interface ResidentNetworks {
  /** Throws OutOfMemory where there is not room for the networks of each stage alone. */
  requireRoom(stages: readonly (readonly NetworkUse[])[]): Promise<void>;
  /** Loads a stage's networks; those of `later` stages are released after all others. Calls must not overlap. */
  load(uses: readonly NetworkUse[], later: readonly NetworkUse[]): Promise<SessionOf>;
  /** Loads what every request of the model or adapter uses, in the usual precision. */
  loadEntry(id: string): Promise<void>;
  /** Releases that in all precisions. */
  releaseEntry(id: string): Promise<void>;
  status(): ResidentStatus[];
}

export function residentNetworks(
  { served, device: settings, precision: usual, budgetBytes, deviceMemory: memory }: EngineSettings,
  events: { onLoading(network: { bytes: number }): void; onChange(loaded: ResidentStatus[]): void },
): ResidentNetworks {
  const device = { ...settings, opened: new OpenNetworks() };
  const residency = new Residency({ budgetBytes, now: Date.now, ...events });
  const admission = requestAdmission({ served, device, memory, residency });
  const loadables = (uses: readonly UnsizedUse[]) => loadableUses(uses, served, device);

  function usesOfEntry(id: string, precision: Precision | undefined): UnsizedUse[] {
    const entries = allWeights(served).filter((entry) => entry.id === id);
    return entries.flatMap((entry) => {
      const always = entry.networks.filter((network) => network.always);
      return usesOf(entry, precision, always);
    });
  }

  return {
    async requireRoom(stages) {
      for (const uses of stages) residency.requireRoom(loadables(uses));
      await admission.requireRoom(stages);
    },
    async load(uses, later) {
      await admission.admit(uses, later);
      const keys = new Set(later.map(residentKey));
      return loadNetworks(uses, { served, device, acquire: (wanted) => residency.acquire(wanted, keys) });
    },
    async loadEntry(id) {
      await residency.acquire(loadables(usesOfEntry(id, usual)));
    },
    async releaseEntry(id) {
      const uses = [...usesOfEntry(id, undefined), ...usesOfEntry(id, "int8")];
      for (const use of uses) await residency.release(residentKey(use));
    },
    status: () => residency.status(),
  };
}
