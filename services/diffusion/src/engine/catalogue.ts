/** What this service can serve: the models and ControlNets under MODELS_DIR that the configuration selects. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { controlTypeOf, type Precision } from "@armature/contract";
import { InvalidConfig, InvalidModel, unlessVanishedSync } from "@armature/core";
import { float32Bytes, openModelFolder, type SafetensorsHeader } from "@armature/weights";
import { z } from "zod";
import { readClipTextConfig } from "../networks/clip-text.js";
import { type ControlNetConfig, readControlNetConfig } from "../networks/controlnet.js";
import { int8Bytes } from "../networks/int8-bytes.js";
import { shallowWeights } from "../networks/shallow-unet.js";
import { downsampledLevel } from "../networks/token-downsampling.js";
import { readUNetConfig, type UNetConfig } from "../networks/unet-config.js";
import { readVaeConfig } from "../networks/vae.js";
import { readSchedulerConfig, type SchedulerConfig } from "../schedulers/config.js";

/** What weights take in memory, by the precision of UNet and ControlNets. */
export type Bytes = Record<Precision, number>;

export interface ModelEntry {
  /** The folder's path under MODELS_DIR, such as `Lykon/DreamShaper`. */
  id: string;
  folder: string;
  unet: UNetConfig;
  /** Layers of the text encoder, which bound clip_skip. */
  textLayers: number;
  /** Pixels that a latent cell spans. */
  scale: number;
  schedulerConfig: SchedulerConfig;
  recommended: Recommendation;
  bytes: Bytes;
  /** Of the weights that the shallow UNet holds once more. */
  shallowBytes: Bytes;
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
}

/** Reads headers and configs, no weights. Throws InvalidConfig or InvalidModel, naming what is wrong. */
export function readCatalogue({ modelsDir, models, controlnets }: Selection): Catalogue {
  const found = findFolders(modelsDir);
  return {
    models: (models ?? defaultModels(found)).map((id) => readModel(modelsDir, id, found)),
    controlnets: controlnets
      ? controlnets.map((selected) => selectControlNet(modelsDir, selected, found))
      : found.controlnets.map((id) => readControlNet(modelsDir, controlTypeOf(id), id)),
  };
}

/** Whether a ControlNet was made for the shapes of this UNet; both look at tokens of one level. */
export function fits(controlnet: ControlNetConfig, unet: UNetConfig): boolean {
  const shape = ({ levels, layersPerLevel, contextWidth }: UNetConfig | ControlNetConfig) =>
    JSON.stringify([
      levels.map(({ channels }) => channels),
      layersPerLevel,
      contextWidth,
      downsampledLevel({ levels }),
    ]);
  return shape(controlnet) === shape(unet);
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

function readModel(modelsDir: string, id: string, found: Found): ModelEntry {
  if (!found.models.includes(id)) {
    throw new InvalidConfig(`MODELS: ${id} is not under MODELS_DIR; there is ${found.models.join(", ") || "none"}`);
  }
  const folder = join(modelsDir, id);
  const [unet, vae, text] = ["unet", "vae", "text_encoder"].map((part) => openModelFolder(join(folder, part)));
  const unetConfig = readUNetConfig(unet!.config);
  return {
    id,
    folder,
    unet: unetConfig,
    textLayers: readClipTextConfig(text!.config).layers,
    scale: readVaeConfig(vae!.config).scale,
    schedulerConfig: readSchedulerConfig(join(folder, "scheduler", "scheduler_config.json")),
    recommended: readRecommendation(join(folder, "armature.json")),
    bytes: bytesOf(unet!.weights, float32Bytes(vae!.weights) + float32Bytes(text!.weights)),
    shallowBytes: bytesOf(shallowWeights(unet!.weights, unetConfig)),
  };
}

function bytesOf(weights: SafetensorsHeader, others = 0): Bytes {
  return { float32: float32Bytes(weights) + others, int8: int8Bytes(weights) + others };
}

function readRecommendation(file: string): Recommendation {
  try {
    const text = unlessVanishedSync(() => readFileSync(file, "utf8"));
    return recommendation.parse(text === undefined ? {} : JSON.parse(text));
  } catch (cause) {
    throw new InvalidModel(`${file}: ${(cause as Error).message}`, { cause });
  }
}

function selectControlNet(modelsDir: string, selected: string, found: Found): ControlNetEntry {
  const [type, folder] = selected.split("=") as [string, string | undefined];
  const id = folder ?? found.controlnets.find((candidate) => controlTypeOf(candidate) === type);
  if (!id || !found.controlnets.includes(id)) {
    const known = found.controlnets.map((candidate) => `${controlTypeOf(candidate)}=${candidate}`).join(", ");
    throw new InvalidConfig(`CONTROLNETS: ${selected} is not under MODELS_DIR; there is ${known || "none"}`);
  }
  return readControlNet(modelsDir, type, id);
}

function readControlNet(modelsDir: string, type: string, id: string): ControlNetEntry {
  const folder = join(modelsDir, id);
  const { config, weights } = openModelFolder(folder);
  return { type, id, folder, config: readControlNetConfig(config), bytes: bytesOf(weights) };
}
