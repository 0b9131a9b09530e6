/** What this service can serve: the models and ControlNets under MODELS_DIR that the configuration selects. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { controlTypeOf, type Precision } from "@armature/contract";
import { InvalidConfig, InvalidModel, unlessVanishedSync } from "@armature/core";
import { ModelConfig } from "@armature/weights";
import { z } from "zod";
import { type LatentSpace, recogniseFamily } from "../families/index.js";
import type { ClipTextConfig } from "../networks/clip-text.js";
import { readClipTextConfig } from "../networks/clip-text.js";
import { type ControlNetConfig, readControlNetConfig } from "../networks/controlnet.js";
import { readUNetConfig, type UNetConfig } from "../networks/unet-config.js";
import { readVaeConfig, type VaeConfig } from "../networks/vae.js";
import { readSchedulerConfig, type SchedulerConfig } from "../schedulers/config.js";
import { type Bytes, CONTROLNET, type NetworkEntry, readComponent } from "./component.js";

export interface ModelEntry {
  /** The folder's path under MODELS_DIR, such as `Lykon/DreamShaper`. */
  id: string;
  folder: string;
  /** Id of its family. */
  family: string;
  text: ClipTextConfig;
  unet: UNetConfig;
  vae: VaeConfig;
  latents: LatentSpace;
  schedulerConfig: SchedulerConfig;
  recommended: Recommendation;
  networks: NetworkEntry[];
  /** Of all its weights. */
  bytes: Bytes;
}

/** What a request gets that does not say: `armature.json` in the model's folder, else diffusers' own defaults. */
const recommendation = z.strictObject({
  num_inference_steps: z.int().min(1).default(50),
  guidance_scale: z.number().min(0).default(7.5),
  scheduler: z.string().optional(),
});

export type Recommendation = z.infer<typeof recommendation>;

export interface ControlNetEntry {
  type: string;
  /** The folder's path under MODELS_DIR. */
  id: string;
  folder: string;
  config: ControlNetConfig;
  networks: NetworkEntry[];
  /** Of all its weights. */
  bytes: Bytes;
}

export interface Catalogue {
  models: ModelEntry[]; // the first is the default
  controlnets: ControlNetEntry[];
}

export interface Selection {
  modelsDir: string;
  /** Ids to serve, the default first; undefined: all there are. */
  models?: string[] | undefined;
  /** `type` or `type=folder`; undefined: all there are. */
  controlnets?: string[] | undefined;
  /** Hears one line for each component with tensors that official loaders leave unused too. */
  note?: (line: string) => void;
}

/** Reads headers and configs, no weights. Throws InvalidConfig or InvalidModel, naming what is wrong. */
export function readCatalogue(selection: Selection): Catalogue {
  const found = findFolders(selection.modelsDir);
  const { models = defaultModels(found), controlnets } = selection;
  return {
    models: models.map((id) => readModel(selection, id, found)),
    controlnets: controlnets
      ? controlnets.map((selected) => selectControlNet(selection, selected, found))
      : found.controlnets.map((id) => readControlNet(selection, controlTypeOf(id), id)),
  };
}

interface Found {
  models: string[];
  controlnets: string[];
}

/** Deepest place of a model: `organisation/name`, with one folder to spare. */
const MAX_DEPTH = 3;

function findFolders(modelsDir: string): Found {
  if (!existsSync(modelsDir)) throw new InvalidConfig(`MODELS_DIR: ${modelsDir} does not exist`);
  const found: Found = { models: [], controlnets: [] };
  visit(modelsDir, 0);
  return found;

  function visit(folder: string, depth: number): void {
    const id = relative(modelsDir, folder).split(sep).join("/");
    if (existsSync(join(folder, "model_index.json"))) found.models.push(id);
    else if (className(join(folder, "config.json")) === "ControlNetModel") found.controlnets.push(id);
    else if (depth < MAX_DEPTH) {
      for (const name of (unlessVanishedSync(() => readdirSync(folder)) ?? []).sort()) {
        const path = join(folder, name);
        if (!name.startsWith(".") && isFolder(path)) visit(path, depth + 1);
      }
    }
  }
}

/** Links are followed: people keep large models on another disk. A link that leads nowhere is none. */
function isFolder(path: string): boolean {
  return unlessVanishedSync(() => statSync(path))?.isDirectory() ?? false;
}

function className(configFile: string): unknown {
  if (!existsSync(configFile)) return undefined;
  try {
    return (JSON.parse(readFileSync(configFile, "utf8")) as { _class_name?: unknown })._class_name;
  } catch {
    return undefined; // its own error comes when it is selected
  }
}

function defaultModels({ models }: Found): string[] {
  if (models.length === 0) throw new InvalidConfig("MODELS_DIR holds no model (a folder with model_index.json)");
  return models;
}

function readModel({ modelsDir, note }: Selection, id: string, found: Found): ModelEntry {
  if (!found.models.includes(id)) {
    throw new InvalidConfig(`MODELS: ${id} is not under MODELS_DIR; there is ${found.models.join(", ") || "none"}`);
  }
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
  return {
    id,
    folder,
    family: family.id,
    ...configs,
    latents: family.latentSpace(configs),
    schedulerConfig: readSchedulerConfig(join(folder, "scheduler", "scheduler_config.json")),
    recommended: readRecommendation(join(folder, "armature.json")),
    networks: components.flatMap(({ networks }) => networks),
    bytes: sumBytes(components.map(({ bytes }) => bytes)),
  };
}

function sumBytes(all: readonly Bytes[]): Bytes {
  const sum = (precision: Precision) => all.reduce((total, bytes) => total + bytes[precision], 0);
  return { float32: sum("float32"), int8: sum("int8") };
}

function readRecommendation(file: string): Recommendation {
  try {
    const text = unlessVanishedSync(() => readFileSync(file, "utf8"));
    return recommendation.parse(text === undefined ? {} : JSON.parse(text));
  } catch (cause) {
    throw new InvalidModel(`${file}: ${(cause as Error).message}`, { cause });
  }
}

function selectControlNet(selection: Selection, selected: string, found: Found): ControlNetEntry {
  const [type, folder] = selected.split("=") as [string, string | undefined];
  const id = folder ?? found.controlnets.find((candidate) => controlTypeOf(candidate) === type);
  if (!id || !found.controlnets.includes(id)) {
    const known = found.controlnets.map((candidate) => `${controlTypeOf(candidate)}=${candidate}`).join(", ");
    throw new InvalidConfig(`CONTROLNETS: ${selected} is not under MODELS_DIR; there is ${known || "none"}`);
  }
  return readControlNet(selection, type, id);
}

function readControlNet({ modelsDir, note }: Selection, type: string, id: string): ControlNetEntry {
  const folder = join(modelsDir, id);
  const config = readControlNetConfig(ModelConfig.read(join(folder, "config.json")));
  return { type, id, folder, config, ...readComponent({ ...CONTROLNET, folder }, note) };
}
