/**
 * Which files of a repository to take. The rule for a model in diffusers' layout: of each component its configuration, and the
 * weights that would be loaded (the list in shared/weights). A component without such weights, and a pipeline without a part that it
 * needs, stop the selection.
 */
import { chooseWeights, isPickle, looksLikeWeights, WEIGHT_FORMS, weightsExpected } from "@armature/weights";
import type { WantedFiles } from "./selection.js";
import type { RemoteFile } from "./sources/source.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

export interface FileChoice {
  files: RemoteFile[];
  /** What the user should know: a file that was replaced or left out. */
  notes: string[];
}

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

/** What the folder of a tokenizer or a scheduler has, and that of a network has not. */
const NO_NETWORK = ["tokenizer_config.json", "vocab.json", "merges.txt", "scheduler_config.json"];

/** Networks that every pipeline has. */
const PIPELINE_NETWORKS = ["text_encoder", "unet", "vae"];

/** What else no pipeline works without. */
const PIPELINE_FILES = [
  "tokenizer/tokenizer_config.json",
  "tokenizer/vocab.json",
  "tokenizer/merges.txt",
  "scheduler/scheduler_config.json",
];

/** Most files that a message names. */
const MOST_SHOWN = 12;

/** Folders of a pipeline that generation does without. The safety checker is asked for by its own name. */
const LEFT_OUT = new Set(["safety_checker", "feature_extractor", "onnx"]);

/** The files of `repository` that `wanted` asks for. Throws WeightsUnavailable, saying what is there instead. */
export function chooseFiles(repository: string, listed: readonly RemoteFile[], wanted: WantedFiles): FileChoice {
  // No weights have 0 bytes: a list that says so is wrong, or the file was never uploaded.
  const files = listed.filter(({ path, size }) => size > 0 || !looksLikeWeights(path));
  const byPath = new Map(files.map((file) => [file.path, file]));
  const chosen = new Map<string, RemoteFile>();
  const notes: string[] = [];
  if (wanted.smallest) for (const file of smallestModel(repository, files, notes)) chosen.set(file.path, file);
  for (const path of wanted.files.keys()) {
    for (const file of listedFiles(repository, byPath, path, wanted.optional.has(path), notes)) {
      chosen.set(file.path, file);
    }
  }
  return { files: [...chosen.values()], notes };
}

/** Folders below which a network's configuration is among `paths`, and no weights that can be loaded. */
export function foldersWithoutWeights(paths: readonly string[]): string[] {
  const folders = namesByFolder(paths);
  const isPipeline = paths.includes("model_index.json");
  return [...folders]
    .filter(([folder, names]) => !(folder === "" && isPipeline) && isNetwork(names) && !chooseWeights(names))
    .map(([folder]) => folder);
}

function namesByFolder(paths: readonly string[]): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  for (const path of paths) folders.set(folderOf(path), [...(folders.get(folderOf(path)) ?? []), nameOf(path)]);
  return folders;
}

function isNetwork(names: readonly string[]): boolean {
  return names.includes("config.json") && !names.some((name) => NO_NETWORK.includes(name));
}

/** One listed file, or in place of weights that are not there the form of them that is. */
function listedFiles(
  repository: string,
  files: ReadonlyMap<string, RemoteFile>,
  path: string,
  optional: boolean,
  notes: string[],
): RemoteFile[] {
  const file = files.get(path);
  if (file) return [file];
  if (optional) return [];
  const folder = folderOf(path);
  const names = [...files.keys()].filter((other) => folderOf(other) === folder).map(nameOf);
  if (!WEIGHT_FORMS.some(({ whole }) => whole === nameOf(path))) {
    throw new WeightsUnavailable("missing-file", `${repository} has no file ${path}`);
  }
  const instead = chooseWeights(names)?.map((name) => join(folder, name));
  if (!instead) {
    if (names.some(looksLikeWeights)) throw withoutWeights(repository, folder, names);
    throw new WeightsUnavailable("missing-file", `${repository} has no file ${path}`);
  }
  notes.push(`${repository}: no ${path}; taking ${instead.join(", ")} instead`);
  return instead.map((other) => files.get(other)!);
}

/** A pipeline (`model_index.json`) or a single model (`config.json` at the root). */
function smallestModel(repository: string, files: readonly RemoteFile[], notes: string[]): RemoteFile[] {
  const folders = new Map<string, RemoteFile[]>();
  for (const file of files) folders.set(folderOf(file.path), [...(folders.get(folderOf(file.path)) ?? []), file]);
  const root = folders.get("") ?? [];
  const index = root.find(({ path }) => path === "model_index.json");
  if (!index) {
    if (!root.some(({ path }) => path === "config.json")) throw notDiffusers(repository, files);
    return component(repository, "", root);
  }
  const chosen = [index];
  for (const [folder, inside] of folders) {
    if (folder === "" || folder.includes("/")) continue;
    if (LEFT_OUT.has(folder)) notes.push(`${repository}: ${folder}/ is left out`);
    else if (inside.some(({ path }) => SMALL_FILES.has(nameOf(path)))) {
      chosen.push(...component(repository, folder, inside));
    }
  }
  requirePipeline(repository, files, chosen);
  return chosen;
}

/** Throws WeightsUnavailable where `chosen` of `files` is no pipeline that could work, with what is missing and what is there. */
function requirePipeline(repository: string, files: readonly RemoteFile[], chosen: readonly RemoteFile[]): void {
  const paths = chosen.filter(({ size }) => size > 0).map(({ path }) => path);
  const hasNetwork = (folder: string) =>
    paths.includes(`${folder}/config.json`) &&
    paths.some((path) => folderOf(path) === folder && looksLikeWeights(nameOf(path)));
  const networks = PIPELINE_NETWORKS.filter((folder) => !hasNetwork(folder));
  const small = PIPELINE_FILES.filter((path) => !paths.includes(path));
  const missing = [...networks.map((folder) => `${folder}/config.json with weights beside it`), ...small];
  if (missing.length === 0) return;
  const found = shownIn(new Set([...networks, ...small.map(folderOf)]), files);
  const text = `${repository}: model_index.json is there, but no ${missing.join(", no ")}; found ${found}`;
  throw new WeightsUnavailable(networks.length > 0 ? "no-weights" : "missing-file", text);
}

/** The files in `folders`; where there are none, what is at the root. */
function shownIn(folders: ReadonlySet<string>, files: readonly RemoteFile[]): string {
  const inside = files.filter(({ path }) => folders.has(folderOf(path)));
  const found = inside.map(({ path, size }) => (size > 0 ? path : `${path} of 0 bytes`));
  const all = found.length > 0 ? found : [...new Set(files.map(({ path }) => path.replace(/\/.*/s, "/")))];
  return `${all.slice(0, MOST_SHOWN).join(", ")}${all.length > MOST_SHOWN ? ", …" : ""}`;
}

/** Configuration and weights of one folder. A network without weights that can be loaded stops the selection. */
function component(repository: string, folder: string, inside: readonly RemoteFile[]): RemoteFile[] {
  const names = inside.map(({ path }) => nameOf(path));
  const weights = chooseWeights(names);
  if (!weights && (isNetwork(names) || names.some(looksLikeWeights))) throw withoutWeights(repository, folder, names);
  const wanted = [...names.filter((name) => SMALL_FILES.has(name)), ...(weights ?? [])];
  return wanted.map((name) => inside.find(({ path }) => nameOf(path) === name)!);
}

function withoutWeights(repository: string, folder: string, names: readonly string[]): WeightsUnavailable {
  const where = folder ? `${repository}: ${folder}/` : repository;
  const found = names.filter(looksLikeWeights);
  if (found.length === 0 || !found.every(isPickle)) {
    return new WeightsUnavailable(
      "no-weights",
      `${where} has no weights that can be loaded: ${weightsExpected(names)}`,
    );
  }
  return new WeightsUnavailable(
    "pickle-only",
    `${repository} offers ${found
      .slice(0, 3)
      .map((name) => join(folder, name))
      .join(", ")} but no .safetensors beside it. A pickle can run code when it is ` +
      "loaded, so it is never fetched by name; look for a revision or a repository with safetensors",
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

const join = (folder: string, name: string) => (folder ? `${folder}/${name}` : name);
const folderOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf("/")));
const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
