/** Finds the processors that can be served: those whose networks all have a model under MODELS_DIR. */
import { join } from "node:path";
import { InvalidConfig } from "@armature/core";
import { CPU_PROFILE, requireKnownWeights, takenBytes } from "@armature/graph";
import { type LeftOut, orInvalidModel, readUsable } from "@armature/weights";
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
  /**
   * Hears of each folder whose config.json cannot be read, and of each model that was found, not chosen, and cannot work: the next one
   * is taken, if there is one.
   */
  leaveOut?: (model: LeftOut) => void;
}

/**
 * Reads headers and small files, no weights. Throws InvalidConfig or InvalidModel, naming what is wrong with the choices or with what
 * they name.
 */
export function readProcessorModels(search: ModelSearch): ProcessorModels {
  const { processors, modelsDir, choices } = search;
  checkChoices(choices, processors);
  const networks = new Set(processors.flatMap((processor) => Object.values(processor.networks)));
  const { byKind, unreadable } = findModels(modelsDir, new Set([...networks].map(({ architecture }) => architecture)));
  for (const model of unreadable) search.leaveOut?.(model);
  return Object.fromEntries(
    processors.flatMap(({ id: processor, networks }) => {
      const choice = choices.find((candidate) => candidate.processor === processor);
      const models = Object.entries(networks).flatMap(([name, network]) => {
        const there = byKind.get(network.architecture) ?? [];
        const model = choice
          ? chosenModel(network, { there, unreadable }, choice, search)
          : firstUsable(network, there, search);
        return model ? [[name, model]] : [];
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

function chosenModel(
  network: AnnotatorNetwork<unknown>,
  { there, unreadable }: { there: string[]; unreadable: readonly LeftOut[] },
  { variable, model: id }: ModelChoice,
  search: ModelSearch,
): ProcessorModel {
  const found = there.includes(id) || unreadable.some((model) => model.id === id);
  if (found) return orInvalidModel(join(search.modelsDir, id), () => readEntry(network, id, search));
  throw new InvalidConfig(
    `${variable}: ${id} is no ${network.family} model under MODELS_DIR; there is ${there.join(", ") || "none"}`,
  );
}

/** The preferred model, or else the first by name, of those that can work. */
function firstUsable(
  network: AnnotatorNetwork<unknown>,
  found: string[],
  search: ModelSearch,
): ProcessorModel | undefined {
  const isPreferred = (id: string) => id === network.preferred;
  for (const id of [...found.filter(isPreferred), ...found.filter((id) => !isPreferred(id))]) {
    const { usable, leftOut } = readUsable([id], search.modelsDir, () => readEntry(network, id, search));
    if (usable[0]) return usable[0];
    for (const model of leftOut) search.leaveOut?.(model);
  }
  return undefined;
}

/** Writes the graph once and drops it: a tensor that is missing is noticed at the start, not at the first request. */
function readEntry(network: AnnotatorNetwork<unknown>, id: string, { modelsDir, note }: ModelSearch): ProcessorModel {
  const folder = join(modelsDir, id);
  const { network: configured, weights } = network.read(folder);
  const trace = configured.trace(weights, CPU_PROFILE);
  requireKnownWeights(weights, [{ network: configured, trace }], note);
  return { id, folder, bytes: takenBytes(trace) };
}
