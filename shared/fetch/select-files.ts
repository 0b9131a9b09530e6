/**
 * Which files of a repository to take. The rule for a model in diffusers' layout: of each component its configuration and the
 * smallest weights that can be read in place, `.fp16.safetensors` before `.safetensors`. Pickles are never taken by rule.
 */
import type { WantedFiles } from "./selection.js";
import type { RemoteFile } from "./sources/source.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

export interface FileChoice {
  files: RemoteFile[];
  /** What the user should know: a file that was replaced or left out. */
  notes: string[];
}

/** Weight names in diffusers and transformers, and the variants in order of size. */
const STEMS = ["diffusion_pytorch_model", "model"];
const VARIANTS = [".fp16", ""];
const PICKLE = /\.(bin|ckpt|pth|pt|pkl)$/;

/** Configuration and vocabulary, as files of a component's folder. */
const SMALL_FILES = new Set([
  "config.json",
  "scheduler_config.json",
  "preprocessor_config.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
]);

/** Folders of a pipeline that generation does without. The safety checker is asked for by its own name. */
const LEFT_OUT = new Set(["safety_checker", "feature_extractor", "onnx"]);

/** The files of `repository` that `wanted` asks for. Throws WeightsUnavailable, saying what is there instead. */
export function chooseFiles(repository: string, files: readonly RemoteFile[], wanted: WantedFiles): FileChoice {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const chosen = new Map<string, RemoteFile>();
  const notes: string[] = [];
  if (wanted.smallest) for (const file of smallestModel(repository, files, notes)) chosen.set(file.path, file);
  for (const path of wanted.files.keys()) {
    const file = listedFile(repository, byPath, path, wanted.optional.has(path), notes);
    if (file) chosen.set(file.path, file);
  }
  return { files: [...chosen.values()], notes };
}

function listedFile(
  repository: string,
  files: ReadonlyMap<string, RemoteFile>,
  path: string,
  optional: boolean,
  notes: string[],
): RemoteFile | undefined {
  const file = files.get(path);
  if (file || optional) return file;
  const plain = path.replace(/\.fp16\.safetensors$/, ".safetensors");
  const larger = files.get(plain);
  if (plain !== path && larger) {
    notes.push(`${repository}: no ${path}; taking ${plain} instead`);
    return larger;
  }
  const pickles = [...files.keys()].filter((other) => PICKLE.test(other) && folderOf(other) === folderOf(path));
  if (path.endsWith(".safetensors") && pickles.length > 0) throw onlyPickles(repository, pickles);
  throw new WeightsUnavailable("missing-file", `${repository} has no file ${path}`);
}

/** A pipeline (`model_index.json`) or a single model (`config.json` at the root). */
function smallestModel(repository: string, files: readonly RemoteFile[], notes: string[]): RemoteFile[] {
  const folders = new Map<string, RemoteFile[]>();
  for (const file of files) folders.set(folderOf(file.path), [...(folders.get(folderOf(file.path)) ?? []), file]);
  const root = folders.get("") ?? [];
  const index = root.find(({ path }) => path === "model_index.json");
  if (!index) {
    if (!root.some(({ path }) => path === "config.json")) throw notDiffusers(repository, files);
    const model = component(repository, root);
    if (!model.some(({ path }) => path.endsWith(".safetensors"))) throw notDiffusers(repository, files);
    return model;
  }
  const chosen = [index];
  for (const [folder, inside] of folders) {
    if (folder === "" || folder.includes("/")) continue;
    if (LEFT_OUT.has(folder)) notes.push(`${repository}: ${folder}/ is left out`);
    else if (inside.some(({ path }) => SMALL_FILES.has(nameOf(path)))) chosen.push(...component(repository, inside));
  }
  return chosen;
}

/** Configuration and weights of one folder. A folder with weights in no readable form stops the selection. */
function component(repository: string, inside: readonly RemoteFile[]): RemoteFile[] {
  const small = inside.filter(({ path }) => SMALL_FILES.has(nameOf(path)));
  for (const stem of STEMS) {
    const variants = VARIANTS.map((variant) => weights(inside, stem, variant)).filter((found) => found.length > 0);
    const [best] = variants.sort((a, b) => bytes(a) - bytes(b));
    if (best) return [...small, ...best];
  }
  const pickles = inside.map(({ path }) => path).filter((path) => PICKLE.test(path));
  if (pickles.length > 0) throw onlyPickles(repository, pickles);
  return small;
}

/** One file, or the index and every shard it speaks of. Shards are counted by their names: `model-00001-of-00003`. */
function weights(inside: readonly RemoteFile[], stem: string, variant: string): RemoteFile[] {
  const whole = inside.find(({ path }) => nameOf(path) === `${stem}${variant}.safetensors`);
  if (whole) return [whole];
  const shard = new RegExp(`^${stem}${variant.replace(".", "\\.")}-\\d{5}-of-(\\d{5})\\.safetensors$`);
  const shards = inside.filter(({ path }) => shard.test(nameOf(path)));
  const count = Number(shard.exec(nameOf(shards[0]?.path ?? ""))?.[1] ?? 0);
  const index = inside.find(({ path }) => nameOf(path) === `${stem}.safetensors.index${variant}.json`);
  return index && count > 0 && shards.length === count ? [index, ...shards] : [];
}

function onlyPickles(repository: string, pickles: readonly string[]): WeightsUnavailable {
  return new WeightsUnavailable(
    "pickle-only",
    `${repository} offers ${pickles.slice(0, 3).join(", ")} but no .safetensors beside it. A pickle can run code when it ` +
      "is loaded, so it is never fetched by name; look for a revision or a repository with safetensors",
  );
}

function notDiffusers(repository: string, files: readonly RemoteFile[]): WeightsUnavailable {
  const single = files.find(({ path }) => /^[^/]+\.(safetensors|ckpt)$/.test(path));
  const found = single ? `; ${single.path} is a single-file checkpoint, which is another layout` : "";
  return new WeightsUnavailable(
    "not-diffusers",
    `${repository} is not in diffusers' layout: neither model_index.json nor config.json with safetensors beside it${found}`,
  );
}

const bytes = (files: readonly RemoteFile[]) => files.reduce((sum, { size }) => sum + size, 0);
const folderOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf("/")));
const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
