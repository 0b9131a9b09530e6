import { quote } from "@armature/config";
import { nearest } from "@armature/core";
import { NotFound } from "@armature/http";
import { type Catalogue, missingModel, servedProcessors } from "../engine/catalogue.js";
import { findProcessor } from "../processors/index.js";
import type { ModelKind, Processor } from "../processors/processor.js";

/** What to do for a model that is not there. */
const CURES: Record<ModelKind, string> = {
  depth:
    "a DPT depth model under MODELS_DIR, such as Intel/dpt-hybrid-midas: " +
    "npm run fetch-weights -- --annotators depth_midas, then restart",
};

/** The served processor of that id. Throws NotFound that says what was probably meant, or what to fetch. */
export function resolveProcessor(id: string, catalogue: Catalogue): Processor {
  const processor = findProcessor(id);
  if (!processor) {
    const served = servedProcessors(catalogue).map((candidate) => candidate.id);
    const near = nearest(id, served);
    const hint = near ? `did you mean ${near}?` : "GET /processors lists those there are";
    throw new NotFound(`There is no processor ${quote(id)}; ${hint}`);
  }
  const missing = missingModel(processor, catalogue);
  if (missing) throw new NotFound(`${id} is not served here: it needs ${CURES[missing]}`);
  return processor;
}
