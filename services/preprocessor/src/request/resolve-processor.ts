import { quote } from "@armature/config";
import { NotFound, nearest } from "@armature/core";

import type { Processor } from "../annotators/annotator.js";
import { type ProcessorModels, servedProcessors } from "../engine/processor-models.js";

/** The served processor of that id. Throws NotFound that says what was probably meant, or what to fetch. */
export function resolveProcessor(id: string, processors: readonly Processor[], models: ProcessorModels): Processor {
  const processor = processors.find((candidate) => candidate.id === id);
  if (!processor) {
    const served = servedProcessors(processors, models).map((candidate) => candidate.id);
    const near = nearest(id, served);
    const hint = near ? `did you mean ${near}?` : "GET /processors lists those there are";
    throw new NotFound(`There is no processor ${quote(id)}; ${hint}`);
  }
  if (!Object.hasOwn(models, id)) throw new NotFound(`${id} is not served here: it needs ${cure(processor)}`);
  return processor;
}

/** What to do for a processor whose models are not all there. */
function cure({ id, networks }: Processor): string {
  const models = Object.entries(networks).map(([name, { family, example }]) => {
    return `a ${family} ${name} model under MODELS_DIR, such as ${example}`;
  });
  return `${models.join(", and ")}: npm run fetch-weights -- --annotators ${id}, then restart`;
}
