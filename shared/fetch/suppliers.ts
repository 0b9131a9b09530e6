/** The sources that one file is fetched from, and their order. */
import type { PlannedFile, PlannedRepository } from "./plan.js";
import { atRepository } from "./sources/at-repository.js";
import type { HuggingFaceCache } from "./sources/hf-cache.js";
import type { WeightSource } from "./sources/source.js";

/** A source, and the repository that it is asked for where that is not the file's own. */
export interface Supplier {
  source: WeightSource;
  servedBy?: string;
}

/** The cache, then the repository that listed the file, then, for a pinned file, the others that hold the same bytes. */
export function suppliersOf(
  file: PlannedFile,
  planned: PlannedRepository,
  source: WeightSource,
  cache: HuggingFaceCache | undefined,
): Supplier[] {
  const { repository, servedBy, commit, alternatives } = planned;
  const holders = file.hash ? [...new Set([servedBy, repository, ...alternatives])] : [servedBy];
  const suppliers = holders.map((holder) => {
    if (holder === repository && holder === servedBy) return { source };
    const known = holder === servedBy ? commit : undefined;
    return { source: atRepository(source, holder, known), ...(holder === repository ? {} : { servedBy: holder }) };
  });
  return [...(cache && file.state === "cached" ? [{ source: cache }] : []), ...suppliers];
}
