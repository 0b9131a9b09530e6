import { InvalidConfig } from "@armature/core";
import { ADAPTER_KINDS, ADAPTERS } from "../adapters/index.js";
import { adaptersNamed } from "./choose-adapter.js";
import type { Served } from "./served.js";

/** By the names in WARM the ids of what they mean, of a type all adapters. Throws InvalidConfig for a name that is not served. */
export function warmIds(names: readonly string[], served: Served): ReadonlyMap<string, readonly string[]> {
  return new Map(names.map((name) => [name, idsNamed(name, served)]));
}

function idsNamed(name: string, served: Served): string[] {
  const { models, adapters } = served;
  const found = [
    ...models.filter(({ id }) => id === name),
    ...ADAPTER_KINDS.flatMap((kind) => adaptersNamed(kind, name, served)),
  ];
  if (found.length > 0) return found.map(({ id }) => id);
  const kinds = ["a model", ...ADAPTER_KINDS.map((kind) => `a ${ADAPTERS[kind].label} type`)];
  const known = new Set([...models.map(({ id }) => id), ...adapters.map(({ type }) => type)]);
  throw new InvalidConfig(`WARM: ${name} is neither ${kinds.join(" nor ")} served; there is ${[...known].join(", ")}`);
}
