/** Whether a selection fits a card, and what must go if it does not. */
import { neededBytes } from "@armature/diffusion/engine/memory/needed-bytes";
import type { ComponentMemory } from "./component-memory.js";

export interface Verdict {
  /** Everything stays loaded. */
  fits: boolean;
  totalBytes: number;
  /** Loaded side by side, in the order of the selection. */
  together: string[];
  /** Loaded only while a request needs them, in the place of others. */
  evicted: string[];
}

/** Keeps models and ControlNets in their order as long as they fit: the first model, then ControlNets, then further models. */
export function judge(components: readonly ComponentMemory[], cardBytes: number): Verdict {
  const together: ComponentMemory[] = [];
  for (const component of components) {
    if (bytesOf([...together, component]) <= cardBytes) together.push(component);
  }
  return {
    fits: together.length === components.length,
    totalBytes: bytesOf(components),
    together: together.map(({ id }) => id),
    evicted: components.filter((component) => !together.includes(component)).map(({ id }) => id),
  };
}

function bytesOf(components: readonly ComponentMemory[]): number {
  return neededBytes(components.flatMap(({ networks }) => networks));
}
