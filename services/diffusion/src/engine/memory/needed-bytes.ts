/** The sum of what networks take of a device together. */
import { gigabytes, megabytes } from "@armature/core";
import type { NetworkMemory } from "./network-memory.js";

/** What no graph tells: docs/memory.md says where the numbers come from. */
export const FIXED_BYTES = { "device context": 0.4e9, workspaces: 0.5e9 };

type NetworkBytes = Pick<NetworkMemory, "weightBytes" | "activationBytes">;

/** Networks that are open at once: weights and activations of all, for each keeps what it took, and the constants. */
export function neededBytes(networks: readonly NetworkBytes[]): number {
  return networkBytes(networks) + total(Object.values(FIXED_BYTES));
}

/** The same where the process has its context and workspaces already. */
export function networkBytes(networks: readonly NetworkBytes[]): number {
  return total(networks.flatMap(({ weightBytes, activationBytes }) => [weightBytes, activationBytes]));
}

/** The sum with its terms, as in `sd15 UNet 1.72 GB + activations 0.33 GB + ... = 4.11 GB`. */
export function sumText(networks: readonly NetworkMemory[], hasContext: boolean): string {
  const weights = networks.map(({ component, name, weightBytes }) => [`${component} ${name}`, weightBytes] as const);
  const activations = total(networks.map(({ activationBytes }) => activationBytes));
  const fixed = hasContext ? [] : Object.entries(FIXED_BYTES);
  const terms = [...weights, ["activations", activations] as const, ...fixed];
  const sum = hasContext ? networkBytes(networks) : neededBytes(networks);
  return `${terms.map(([name, bytes]) => `${name} ${amount(bytes)}`).join(" + ")} = ${amount(sum)}`;
}

function amount(bytes: number): string {
  return bytes >= 1e8 ? gigabytes(bytes) : megabytes(bytes, 1);
}

function total(bytes: readonly number[]): number {
  return bytes.reduce((sum, more) => sum + more, 0);
}
