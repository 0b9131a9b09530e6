/** What an image of a service holds above its base: the one list that image builds copy and that the size budget measures. */
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { IN_IMAGE, type Layer, layerOf } from "./layers.js";
import { type Platform, platformName } from "./platform.js";
import { PackageLock, packageName, productionPackages } from "./production-packages.js";
import { belongsInImage, INSTALL_TIME_DEPENDENCIES } from "./pruning.js";

export type ServiceName = "preprocessor" | "diffusion";
export const SERVICES: readonly ServiceName[] = ["preprocessor", "diffusion"];

export interface ContentFile {
  layer: Layer;
  /** Absolute path in the image. */
  path: string;
  /** Absolute path on this machine. */
  source: string;
  bytes: number;
}

/** Model folder in `models/` → the service whose image brings it along, so that a first picture needs no download. */
export const EMBEDDED_MODELS: Readonly<Record<string, ServiceName>> = {
  "controlnet-canny": "diffusion",
  "controlnet-depth": "diffusion",
  "depth-dpt-tiny": "preprocessor",
  "tiny-sd": "diffusion",
};

/** What every image has beside the code of its workspaces. */
const COMMON_APP = ["package.json", "dockerfiles/healthcheck.mjs"];

interface ImageRoots {
  /** Workspaces whose code and dependencies the image holds. */
  workspaces: readonly string[];
  /** Built scripts beside them. */
  scripts: readonly string[];
}

/** Weights are fetched into a volume that both services read, so one image brings the fetching along, and the S3 client with it. */
const IMAGE_ROOTS: Readonly<Record<ServiceName, ImageRoots>> = {
  preprocessor: { workspaces: ["services/preprocessor"], scripts: [] },
  diffusion: {
    workspaces: ["services/diffusion", "shared/fetch"],
    scripts: ["scripts/dist/fetch-weights.js", "scripts/dist/fetch-weights"],
  },
};

/** Folders whose files only tests run. */
const TEST_FOLDER = /(?:^|\/)testing\//;

interface WorkspaceLink {
  /** Path in the image of a link by which Node finds the workspace by its name. */
  path: string;
  target: string;
}

/** What `service`'s image holds above its base. */
interface ServiceContent {
  /** Files of the image, in the order of their paths. */
  files: ContentFile[];
  links: WorkspaceLink[];
}

/** Throws if something is not installed or not built. */
export function serviceContent(root: string, service: ServiceName, platform: Platform): ServiceContent {
  const lock = PackageLock.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
  const folders = productionPackages(lock, IMAGE_ROOTS[service].workspaces, platform, INSTALL_TIME_DEPENDENCIES);
  const workspaces = folders.filter((folder) => !isInstalled(folder));
  const installed = folders.filter(isInstalled).flatMap((folder) => installedFiles(root, folder, platform));
  const files = [...installed, ...embeddedModels(root, service), ...app(root, service, workspaces)];
  return {
    files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    links: workspaces.filter((folder) => folder.startsWith("shared/")).map(workspaceLink),
  };
}

const isInstalled = (folder: string) => folder.includes("node_modules/");

/** `shared/core` is linked to as `@armature/core`. */
function workspaceLink(folder: string): WorkspaceLink {
  const path = posix.join(IN_IMAGE.modules, "@armature", posix.basename(folder));
  return { path, target: `../../${folder}` };
}

function installedFiles(root: string, folder: string, platform: Platform): ContentFile[] {
  if (!existsSync(join(root, folder)))
    throw new Error(`${folder}: not installed; run npm ci on ${platformName(platform)}`);
  const name = packageName(folder);
  return filesBelow(join(root, folder), "node_modules")
    .filter((path) => belongsInImage(name, path, platform))
    .map((path) => contentFile(root, `${folder}/${path}`));
}

function embeddedModels(root: string, service: ServiceName): ContentFile[] {
  return Object.keys(EMBEDDED_MODELS)
    .filter((model) => EMBEDDED_MODELS[model] === service)
    .flatMap((model) =>
      filesBelow(join(root, "models", model)).map((path) => contentFile(root, `models/${model}/${path}`)),
    );
}

function app(root: string, service: ServiceName, workspaces: readonly string[]): ContentFile[] {
  const built = workspaces.flatMap((folder) => [`${folder}/package.json`, `${folder}/dist`]);
  return [...COMMON_APP, ...IMAGE_ROOTS[service].scripts, ...built].flatMap((entry) => {
    const source = join(root, entry);
    if (!existsSync(source)) throw new Error(`${entry}: missing; run npm run build`);
    if (!statSync(source).isDirectory()) return [contentFile(root, entry)];
    return filesBelow(source)
      .filter((path) => path.endsWith(".js") && !TEST_FOLDER.test(path))
      .map((path) => contentFile(root, `${entry}/${path}`));
  });
}

function contentFile(root: string, path: string): ContentFile {
  const source = join(root, path);
  const target = posix.join(IN_IMAGE.app, path);
  return { layer: layerOf(target), path: target, source, bytes: statSync(source).size };
}

/** Paths of the files in `folder` and below, without folders named `except`. */
function filesBelow(folder: string, except?: string): string[] {
  const found: string[] = [];
  const visit = (directory: string) => {
    for (const name of readdirSync(directory).sort()) {
      if (name === except) continue;
      const path = join(directory, name);
      const entry = lstatSync(path);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) found.push(relative(folder, path).split(sep).join("/"));
    }
  };
  visit(folder);
  return found;
}
