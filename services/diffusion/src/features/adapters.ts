/** The adapters that a request's features bring, in the order of the features: recipes name them by their places in this list. */
import type { Adapter } from "../adapters/index.js";
import { FEATURES, type ResolvedRequest } from "./index.js";

export const adaptersOf = (request: Omit<ResolvedRequest, "size">): Adapter[] =>
  FEATURES.flatMap((feature) => feature.adapters?.(request) ?? []);
