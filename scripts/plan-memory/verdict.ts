/** Whether a selection fits a card, and what must go if it does not. */
import type { Part, Unit } from "./parts.js";

/** What no graph tells: docs/memory.md says where the numbers come from. */
export const FIXED_BYTES = { "device context": 0.4e9, workspaces: 0.5e9 };

export interface Verdict {
  /** All units stay loaded. */
  fits: boolean;
  totalBytes: number;
  /** Loaded side by side, in the order of the selection. */
  together: string[];
  /** Loaded only while a request needs them, in the place of others. */
  evicted: string[];
}

/** Units that are loaded at once: all weights, and the activations of the part that takes the most, for parts run in turn. */
export function neededBytes(units: readonly Unit[]): number {
  const parts = units.flatMap((unit) => unit.parts);
  const weights = total(parts.map(({ weightBytes }) => weightBytes));
  return weights + hungriest(parts) + total(Object.values(FIXED_BYTES));
}

/** Keeps units in their order as long as they fit: the first model, then ControlNets, then further models. */
export function judge(units: readonly Unit[], cardBytes: number): Verdict {
  const together: Unit[] = [];
  for (const unit of units) if (neededBytes([...together, unit]) <= cardBytes) together.push(unit);
  return {
    fits: together.length === units.length,
    totalBytes: neededBytes(units),
    together: together.map(({ id }) => id),
    evicted: units.filter((unit) => !together.includes(unit)).map(({ id }) => id),
  };
}

function hungriest(parts: readonly Part[]): number {
  return Math.max(0, ...parts.map(({ activationBytes }) => activationBytes));
}

function total(bytes: readonly number[]): number {
  return bytes.reduce((sum, more) => sum + more, 0);
}
