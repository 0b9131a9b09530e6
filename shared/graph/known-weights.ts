/** Whether a component holds tensors that nothing here understands. */
import { InvalidModel } from "@armature/core";
import type { WeightView } from "@armature/weights";
import type { GraphTrace } from "./builder.js";
import type { ConfiguredNetwork } from "./network.js";
import { CPU_PROFILE } from "./profile.js";

/** How many keys a message names. */
const SHOWN = 5;

/** A network of a component, with its graph's trace where there is one. */
interface KnownNetwork {
  network: ConfiguredNetwork;
  trace?: GraphTrace | undefined;
}

/**
 * Tells `note` in one line which tensors no network of the component uses where official loaders leave them unused too. Throws
 * InvalidModel, with names, for any other that no network uses: a model that computes less than its file says is not the model that
 * was asked for.
 */
export function requireKnownWeights(
  weights: WeightView,
  known: readonly KnownNetwork[],
  note: (line: string) => void = () => {},
): void {
  const used = new Set(known.flatMap(({ network, trace }) => [...(trace?.weightKeys ?? keysOf(network, weights))]));
  const networks = known.map(({ network }) => network);
  const unused = [...weights.tensors.keys()].filter((key) => !used.has(key));
  const patterns = networks.flatMap(({ ignore }) => ignore);
  const unknown = unused.filter((key) => !patterns.some((pattern) => pattern.test(key)));
  if (unknown.length > 0) {
    const names = networks.map(({ name }) => name).join(", ");
    const keys = shortList(unknown);
    throw new InvalidModel(`${weights.name}: ${unknown.length} tensors that ${names} do not know: ${keys}`);
  }
  if (unused.length === 0) return;
  note(`${weights.name}: ${unused.length} tensors stay unused, as in official loaders: ${shortList(unused)}`);
}

/** The first keys, such as `a, b, ...`. */
function shortList(keys: readonly string[]): string {
  return `${keys.slice(0, SHOWN).join(", ")}${keys.length > SHOWN ? ", ..." : ""}`;
}

/** Every key that the network's graph names, be it there or not. */
function keysOf(network: ConfiguredNetwork, weights: WeightView): ReadonlySet<string> {
  const supply: WeightView["supply"] = (_key, shape) => {
    return { file: weights.name, dtype: "F32", shape: [...shape], offset: 0, length: 0 };
  };
  return network.trace({ ...weights, supply }, CPU_PROFILE).weightKeys;
}
