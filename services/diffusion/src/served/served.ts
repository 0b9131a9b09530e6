/** What this service serves: the models and ControlNets under MODELS_DIR that the configuration selects. */
import { join } from "node:path";
import { controlTypeOf, type Precision } from "@armature/contract";
import { InvalidConfig } from "@armature/core";
import { type LeftOut, ModelConfig, orInvalidModel, readUsable, type Usable } from "@armature/weights";
import { type LatentSpace, type ModelConfigs, recogniseFamily } from "../families/index.js";
import { readClipTextConfig } from "../networks/clip-text.js";
import { type ControlNetConfig, readControlNetConfig } from "../networks/controlnet.js";
import { readUNetConfig } from "../networks/unet-config.js";
import { readVaeConfig } from "../networks/vae.js";
import type { SchedulerConfig } from "../schedulers/scheduler.js";
import { type Bytes, CONTROLNET, readComponent, type ServedNetwork } from "./component.js";
import { findModelFolders, type ModelFolders } from "./model-folders.js";
import { type Recommendation, readRecommendation } from "./recommendation.js";
import { requireScheduler, requireTokenizer } from "./requirements.js";
import { readSchedulerConfig } from "./scheduler-config.js";

export interface ServedModel extends ModelConfigs {
  /** The folder's path under MODELS_DIR, such as `Lykon/DreamShaper`. */
  id: string;
  folder: string;
  /** Id of its family. */
  family: string;
  latents: LatentSpace;
  schedulerConfig: SchedulerConfig;
  recommended: Recommendation;
  networks: ServedNetwork[];
  /** Of all its weights. */
  bytes: Bytes;
}

export interface ServedControlNet {
  type: string;
  /** The folder's path under MODELS_DIR. */
  id: string;
  folder: string;
  config: ControlNetConfig;
  networks: ServedNetwork[];
  /** Of all its weights. */
  bytes: Bytes;
}

export interface Served {
  models: ServedModel[]; // the first is the default
  controlnets: ServedControlNet[];
}

export interface Selected extends Served {
  /** What was found, not named, and cannot work. */
  leftOut: { models: LeftOut[]; controlnets: LeftOut[] };
}

export interface ServedSelection {
  modelsDir: string;
  /** Ids to serve, the default first; undefined: all there are. */
  models?: string[] | undefined;
  /** `type` or `type=folder`; undefined: all there are. */
  controlnets?: string[] | undefined;
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
  const controlnets = readControlNets(selection, found);
  return {
    models: models.usable,
    controlnets: controlnets.usable,
    leftOut: { models: models.leftOut, controlnets: controlnets.leftOut },
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
  const part = (name: string) => ModelConfig.read(join(folder, name, "config.json"));
  const configs = {
    text: readClipTextConfig(part("text_encoder")),
    unet: readUNetConfig(part("unet")),
    vae: readVaeConfig(part("vae")),
  };
  const family = recogniseFamily(configs, folder);
  const components = Object.entries(family.components).map(([name, component]) =>
    readComponent({ ...component, folder: join(folder, name) }, note),
  );
  requireTokenizer(join(folder, family.textConditioning.tokenizer), configs.text);
  const schedulerConfig = readSchedulerConfig(join(folder, "scheduler", "scheduler_config.json"));
  const recommended = readRecommendation(join(folder, "armature.json"));
  requireScheduler(recommended, schedulerConfig, folder);
  return {
    id,
    folder,
    family: family.id,
    ...configs,
    latents: family.latentSpace(configs),
    ...{ schedulerConfig, recommended },
    networks: components.flatMap(({ networks }) => networks),
    bytes: sumBytes(components.map(({ bytes }) => bytes)),
  };
}

function sumBytes(all: readonly Bytes[]): Bytes {
  const sum = (precision: Precision) => all.reduce((total, bytes) => total + bytes[precision], 0);
  return { float32: sum("float32"), int8: sum("int8") };
}

function readControlNets(selection: ServedSelection, found: ModelFolders): Usable<ServedControlNet> {
  const { controlnets: named, modelsDir } = selection;
  if (named) return { usable: named.flatMap((one) => selectControlNets(selection, one, found)), leftOut: [] };
  return readUsable(found.controlnets, modelsDir, (id) => readControlNet(selection, controlTypeOf(id), id));
}

/** Of a type alone: all there are, for models may want different ones. */
function selectControlNets(selection: ServedSelection, selected: string, found: ModelFolders): ServedControlNet[] {
  const [type, folder] = selected.split("=") as [string, string | undefined];
  const ids = found.controlnets.filter((id) => (folder ? id === folder : controlTypeOf(id) === type));
  if (ids.length === 0) {
    const known = found.controlnets.map((candidate) => `${controlTypeOf(candidate)}=${candidate}`).join(", ");
    throw new InvalidConfig(`CONTROLNETS: ${selected} is not under MODELS_DIR; there is ${known || "none"}`);
  }
  return ids.map((id) => orInvalidModel(join(selection.modelsDir, id), () => readControlNet(selection, type, id)));
}

function readControlNet({ modelsDir, note }: ServedSelection, type: string, id: string): ServedControlNet {
  const folder = join(modelsDir, id);
  const config = readControlNetConfig(ModelConfig.read(join(folder, "config.json")));
  return { type, id, folder, config, ...readComponent({ ...CONTROLNET, folder }, note) };
}
