import type { Value } from "../builder.js";
import { PROFILE } from "../profile.js";

/** The value in the type that layers compute in. */
export function inComputeType(value: Value): Value {
  return value.graph.cast(value, value.graph[PROFILE].compute);
}
