/** Whether a selection fits a card, and what must go if it does not. */
import { neededBytes } from "@armature/diffusion/engine/memory/needed-bytes";
import type { PlannedUnit } from "./units.js";

export interface Verdict {
  /** All units stay loaded. */
  fits: boolean;
  totalBytes: number;
  /** Loaded side by side, in the order of the selection. */
  together: string[];
  /** Loaded only while a request needs them, in the place of others. */
  evicted: string[];
}

/** Keeps units in their order as long as they fit: the first model, then ControlNets, then further models. */
export function judge(units: readonly PlannedUnit[], cardBytes: number): Verdict {
  const together: PlannedUnit[] = [];
  for (const unit of units) if (unitBytes([...together, unit]) <= cardBytes) together.push(unit);
  return {
    fits: together.length === units.length,
    totalBytes: unitBytes(units),
    together: together.map(({ id }) => id),
    evicted: units.filter((unit) => !together.includes(unit)).map(({ id }) => id),
  };
}

function unitBytes(units: readonly PlannedUnit[]): number {
  return neededBytes(units.flatMap(({ parts }) => parts));
}
