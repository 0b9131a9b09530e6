/** Which models of the processors are there, and so which processors can be served. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { InvalidConfig, InvalidModel, unlessVanishedSync } from "@armature/core";
import { CPU_PROFILE, ignoredWeights, shortList, takenBytes } from "@armature/graph";
import { ModelConfig, openModelFolder } from "@armature/weights";
import { type DptImageProcessor, readDptImageProcessor } from "../depth/dpt-image-processor.js";
import { dptNetwork } from "../networks/dpt.js";
import { PROCESSORS } from "../processors/index.js";
import type { ModelKind, Processor } from "../processors/processor.js";

export interface ModelEntry {
  /** The folder's path under MODELS_DIR, such as `Intel/dpt-hybrid-midas`. */
  id: string;
  folder: string;
  imageProcessor: DptImageProcessor;
  /** What the weights take in memory. */
  bytes: number;
}

export type Catalogue = Partial<Record<ModelKind, ModelEntry>>;

export interface Selection {
  modelsDir: string;
  depthModel?: string | undefined;
  /** Hears one line for a model with tensors that official loaders leave unused too. */
  note?: (line: string) => void;
}

/** The embedded model, which is the default wherever it is. */
const EMBEDDED_DEPTH_MODEL = "depth-dpt-tiny";

/** Reads headers and configs, no weights. Throws InvalidConfig or InvalidModel, naming what is wrong. */
export function readCatalogue({ modelsDir, depthModel, note }: Selection): Catalogue {
  const id = selectDepthModel(findDptModels(modelsDir), depthModel);
  return id === undefined ? {} : { depth: readDepthModel(join(modelsDir, id), id, note) };
}

/** The processors whose models are there. */
export function servedProcessors(catalogue: Catalogue): Processor[] {
  return PROCESSORS.filter((processor) => missingModel(processor, catalogue) === undefined);
}

/** The first model that a processor needs and this service does not have. */
export function missingModel({ needs = [] }: Processor, catalogue: Catalogue): ModelKind | undefined {
  return needs.find((kind) => !catalogue[kind]);
}

/** Pictures that the processor makes must have sides that the network can cut into patches. */
export function checkPatches({ resize }: DptImageProcessor, patch: number, file: string): void {
  const divides = (side: number) => side % patch === 0;
  if (resize && divides(resize.multiple)) return;
  const { width, height } = resize?.size ?? { width: 0, height: 0 };
  const fixed = resize && !resize.keepAspectRatio && resize.multiple === 1;
  if (fixed && divides(width) && divides(height)) return;
  const cure = resize ? "ensure_multiple_of" : "do_resize with ensure_multiple_of";
  throw new InvalidModel(`${file}: pictures need not become multiples of the patch; ${cure} ${patch} is wanted`);
}

function selectDepthModel(found: string[], wanted: string | undefined): string | undefined {
  if (wanted === undefined) return found.includes(EMBEDDED_DEPTH_MODEL) ? EMBEDDED_DEPTH_MODEL : found[0];
  if (found.includes(wanted)) return wanted;
  throw new InvalidConfig(
    `DEPTH_MODEL: ${wanted} is no DPT model under MODELS_DIR; there is ${found.join(", ") || "none"}`,
  );
}

/** Writes the graph once and drops it: a tensor that is missing ends the start, not the first request. */
function readDepthModel(folder: string, id: string, note: Selection["note"]): ModelEntry {
  const { config, weights } = openModelFolder(folder);
  const dpt = dptNetwork.read(config);
  const processorFile = join(folder, "preprocessor_config.json");
  const imageProcessor = readDptImageProcessor(ModelConfig.read(processorFile));
  checkPatches(imageProcessor, dpt.vit.patch, processorFile);
  const network = dptNetwork.configured(dpt);
  const trace = network.trace(weights, CPU_PROFILE);
  const ignored = ignoredWeights(weights, [{ network, trace }]);
  if (ignored.length > 0) {
    note?.(`${weights.name}: ${ignored.length} tensors stay unused, as in official loaders: ${shortList(ignored)}`);
  }
  return { id, folder, imageProcessor, bytes: takenBytes(trace) };
}

/** Deepest place of a model: `organisation/name`, with one folder to spare. */
const MAX_DEPTH = 3;

function findDptModels(modelsDir: string): string[] {
  if (!isFolder(modelsDir)) throw new InvalidConfig(`MODELS_DIR: ${modelsDir} is not a folder`);
  const visit = (folder: string, depth: number): string[] => {
    if (isDpt(join(folder, "config.json"))) return [relative(modelsDir, folder).split(sep).join("/")];
    if (depth === MAX_DEPTH) return [];
    const names = (unlessVanishedSync(() => readdirSync(folder)) ?? []).filter((name) => !name.startsWith("."));
    return names
      .sort()
      .map((name) => join(folder, name))
      .flatMap((path) => (isFolder(path) ? visit(path, depth + 1) : []));
  };
  return visit(modelsDir, 0);
}

/** Links are followed: people keep large models on another disk. A link that leads nowhere is none. */
function isFolder(path: string): boolean {
  return unlessVanishedSync(() => statSync(path))?.isDirectory() ?? false;
}

function isDpt(configFile: string): boolean {
  if (!existsSync(configFile)) return false;
  try {
    const { architectures } = JSON.parse(readFileSync(configFile, "utf8")) as { architectures?: unknown };
    return Array.isArray(architectures) && architectures.includes("DPTForDepthEstimation");
  } catch {
    return false; // another component's config, or none that anybody selected
  }
}
