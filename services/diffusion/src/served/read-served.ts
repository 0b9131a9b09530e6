/** Reads what the configuration selects of the models and adapters under MODELS_DIR. */
import { join } from "node:path";
import { controlTypeOf, type Precision } from "@armature/contract";
import { InvalidConfig } from "@armature/core";
import { ModelConfig, orInvalidModel, readUsable, type Usable } from "@armature/weights";
import { ADAPTERS, type AdapterKind, byKind } from "../adapters/index.js";
import { modelFacts } from "../facts/served-facts.js";
import { readCheckpoint } from "../families/index.js";
import { type PrecisionBytes, readComponent } from "./component.js";
import { findModelFolders, type ModelFolders } from "./model-folders.js";
import { readRecommendation } from "./recommendation.js";
import { requirePipeline, requireScheduler, requireTokenizer } from "./requirements.js";
import { readSchedulerConfig } from "./scheduler-config.js";
import type { Selected, ServedAdapter, ServedModel } from "./served.js";

/** By kinds of adapters, `type` or `type=folder`; undefined: all there are. */
type AdapterSelection = Partial<Record<AdapterKind, string[] | undefined>>;

export interface ServedSelection {
  modelsDir: string;
  /** Ids to serve, the default first; undefined: all there are. */
  models?: string[] | undefined;
  adapters?: AdapterSelection;
  /** Hears one line for each component with tensors that official loaders leave unused too. */
  note?: (line: string) => void;
}

/**
 * Reads headers and small files, no weights. What is named and cannot work ends the reading, what is only found is left out. Throws
 * InvalidConfig or InvalidModel, naming what is wrong.
 */
export function readServed(selection: ServedSelection): Selected {
  const found = findModelFolders(selection.modelsDir);
  const models = readModels(selection, found);
  const adapters = byKind((kind) => readAdapters(selection, kind, found));
  return {
    models: models.usable,
    adapters: Object.values(adapters).flatMap(({ usable }) => usable),
    leftOut: { models: models.leftOut, adapters: byKind((kind) => adapters[kind].leftOut) },
  };
}

function readModels(selection: ServedSelection, found: ModelFolders): Usable<ServedModel> {
  const { models: named, modelsDir } = selection;
  if (named) return { usable: named.map((id) => selectModel(selection, id, found)), leftOut: [] };
  const read = readUsable(found.models, modelsDir, (id) => readModel(selection, id));
  if (read.usable.length > 0) return read;
  const broken = read.leftOut.map(({ id, reason }) => `; ${id} cannot work: ${reason}`).join("");
  throw new InvalidConfig(`MODELS_DIR holds no model (a folder with model_index.json)${broken}`);
}

function selectModel(selection: ServedSelection, id: string, found: ModelFolders): ServedModel {
  if (found.models.includes(id)) return orInvalidModel(join(selection.modelsDir, id), () => readModel(selection, id));
  throw new InvalidConfig(`MODELS: ${id} is not under MODELS_DIR; there is ${found.models.join(", ") || "none"}`);
}

function readModel({ modelsDir, note }: ServedSelection, id: string): ServedModel {
  const folder = join(modelsDir, id);
  requirePipeline(folder);
  const { family, configs } = readCheckpoint((name) => readConfig(join(folder, name)), folder);
  const components = Object.entries(family.components).map(([name, component]) =>
    readComponent({ ...component, folder: join(folder, name), config: configs[name] }, note),
  );
  for (const { folder: name, ...limits } of family.text.tokenizers(configs))
    requireTokenizer(join(folder, name), limits);
  const schedulerConfig = readSchedulerConfig(join(folder, "scheduler", "scheduler_config.json"));
  const recommended = readRecommendation(join(folder, "armature.json"));
  requireScheduler(recommended, schedulerConfig, folder);
  return {
    ...modelFacts(id, family, configs),
    ...{ folder, schedulerConfig, recommended },
    networks: components.flatMap(({ networks }) => networks),
    bytes: sumBytes(components.map(({ bytes }) => bytes)),
  };
}

const readConfig = (folder: string): ModelConfig => ModelConfig.read(join(folder, "config.json"));

function sumBytes(all: readonly PrecisionBytes[]): PrecisionBytes {
  const sum = (precision: Precision) => all.reduce((total, bytes) => total + bytes[precision], 0);
  return { float32: sum("float32"), int8: sum("int8") };
}

function readAdapters(selection: ServedSelection, kind: AdapterKind, found: ModelFolders): Usable<ServedAdapter> {
  const { adapters: named, modelsDir } = selection;
  const choices = named?.[kind];
  if (choices) {
    const chosen = choices.flatMap((choice) => selectAdapters(kind, choice, found));
    const read = (choice: ChosenAdapter) =>
      orInvalidModel(join(modelsDir, choice.id), () => readAdapter(selection, kind, choice));
    return { usable: chosen.map(read), leftOut: [] };
  }
  const { usable, leftOut } = readUsable(found.adapters[kind], modelsDir, (id) =>
    readAdapter(selection, kind, { type: controlTypeOf(id), id }),
  );
  return { usable, leftOut: [...leftOut, ...found.unreadable] };
}

interface ChosenAdapter {
  type: string;
  id: string;
}

/** Of a type alone: all there are, for models may want different ones. */
function selectAdapters(kind: AdapterKind, choice: string, { adapters, unreadable }: ModelFolders): ChosenAdapter[] {
  const [type, folder] = choice.split("=") as [string, string | undefined];
  const ids = folder
    ? [...adapters[kind], ...unreadable.map(({ id }) => id)].filter((id) => id === folder)
    : adapters[kind].filter((id) => controlTypeOf(id) === type);
  if (ids.length === 0) {
    const known = adapters[kind].map((id) => `${controlTypeOf(id)}=${id}`).join(", ");
    throw new InvalidConfig(
      `${ADAPTERS[kind].variable}: ${choice} is not under MODELS_DIR; there is ${known || "none"}`,
    );
  }
  return ids.map((id) => ({ type, id }));
}

function readAdapter(
  { modelsDir, note }: ServedSelection,
  kind: AdapterKind,
  { type, id }: ChosenAdapter,
): ServedAdapter {
  const folder = join(modelsDir, id);
  const { weights } = ADAPTERS[kind];
  const config = weights.read(readConfig(folder));
  const component = readComponent({ ...weights, folder, config }, note);
  return { kind, type, id, folder, config, ...component } as ServedAdapter; // config is of the kind: its row has read it
}
