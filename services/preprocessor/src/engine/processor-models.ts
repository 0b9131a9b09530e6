/** Finds the processors that can be served: those whose networks all have a model under MODELS_DIR. */
import { join } from "node:path";
import { InvalidConfig } from "@armature/core";
import { CPU_PROFILE, requireKnownWeights, takenBytes } from "@armature/graph";
import type { Processor } from "../annotators/annotator.js";
import type { AnnotatorNetwork } from "../networks/annotator-network.js";
import { findModels } from "./find-models.js";

export interface ProcessorModel {
  /** The folder's path under MODELS_DIR, such as `Intel/dpt-hybrid-midas`. */
  id: string;
  folder: string;
  /** What the weights take in memory. */
  bytes: number;
}

/** The served processors by id, and the model of each of their networks by the network's name. */
export type ProcessorModels = Readonly<Record<string, Readonly<Record<string, ProcessorModel>>>>;

/** A model that the operator chose for a processor. */
export interface ModelChoice {
  processor: string;
  /** Id of the model. */
  model: string;
  /** Variable that holds the choice, for messages. */
  variable: string;
}

interface ModelSearch {
  processors: readonly Processor[];
  modelsDir: string;
  choices: readonly ModelChoice[];
  /** Hears one line for each model with tensors that official loaders leave unused too. */
  note?: (line: string) => void;
}

/** Reads headers and configs, no weights. Throws InvalidConfig or InvalidModel, naming what is wrong. */
export function readProcessorModels({ processors, modelsDir, choices, note }: ModelSearch): ProcessorModels {
  checkChoices(choices, processors);
  const networks = new Set(processors.flatMap((processor) => Object.values(processor.networks)));
  const found = findModels(modelsDir, new Set([...networks].map(({ architecture }) => architecture)));
  return Object.fromEntries(
    processors.flatMap(({ id: processor, networks }) => {
      const choice = choices.find((candidate) => candidate.processor === processor);
      const models = Object.entries(networks).flatMap(([name, network]) => {
        const id = selectModel(network, found.get(network.architecture) ?? [], choice);
        return id === undefined ? [] : [[name, readEntry(network, { id, folder: join(modelsDir, id), note })]];
      });
      return models.length === Object.keys(networks).length ? [[processor, Object.fromEntries(models)]] : [];
    }),
  );
}

/** The processors that have their models, in the order of the table. */
export function servedProcessors(processors: readonly Processor[], models: ProcessorModels): Processor[] {
  return processors.filter(({ id }) => Object.hasOwn(models, id));
}

function checkChoices(choices: readonly ModelChoice[], processors: readonly Processor[]): void {
  const choosing = processors.filter(({ networks }) => Object.keys(networks).length > 0).map(({ id }) => id);
  for (const [i, { processor, variable }] of choices.entries()) {
    if (!choosing.includes(processor)) {
      throw new InvalidConfig(
        `${variable}: ${processor} is no processor that uses a model; there is ${choosing.join(", ")}`,
      );
    }
    const earlier = choices.slice(0, i).find((choice) => choice.processor === processor);
    if (earlier)
      throw new InvalidConfig(`${variable}: the model of ${processor} is chosen already, by ${earlier.variable}`);
  }
}

function selectModel(
  { family, preferred }: AnnotatorNetwork<unknown>,
  found: string[],
  choice: ModelChoice | undefined,
): string | undefined {
  if (!choice) return found.find((id) => id === preferred) ?? found[0];
  const { variable, model } = choice;
  if (found.includes(model)) return model;
  throw new InvalidConfig(
    `${variable}: ${model} is no ${family} model under MODELS_DIR; there is ${found.join(", ") || "none"}`,
  );
}

/** Writes the graph once and drops it: a tensor that is missing ends the start, not the first request. */
function readEntry(
  network: AnnotatorNetwork<unknown>,
  { id, folder, note }: Pick<ProcessorModel, "id" | "folder"> & Pick<ModelSearch, "note">,
): ProcessorModel {
  const { network: configured, weights } = network.read(folder);
  const trace = configured.trace(weights, CPU_PROFILE);
  requireKnownWeights(weights, [{ network: configured, trace }], note);
  return { id, folder, bytes: takenBytes(trace) };
}
