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

/** Built code that every image has beside its service's: the contract and runtime of both, the health check, and the fetching of weights into a volume. */
const COMMON_APP = [
  "package.json",
  "shared/package.json",
  "shared/dist",
  "scripts/dist/fetch-weights.js",
  "scripts/dist/fetch-weights",
  "dockerfiles/healthcheck.mjs",
];

/** Only tests run what lies in these folders. */
const TEST_FOLDER = /(?:^|\/)testing\//;

/** The workspace that the services link to as `@armature/shared`. */
export const SHARED_LINK = { path: posix.join(IN_IMAGE.modules, "@armature/shared"), target: "../../shared" } as const;

/** The files of `service`'s image above its base, in the order of their paths. Throws if something is not installed or not built. */
export function serviceContent(root: string, service: ServiceName, platform: Platform): ContentFile[] {
  const files = [...dependencies(root, service, platform), ...embeddedModels(root, service), ...app(root, service)];
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function dependencies(root: string, service: ServiceName, platform: Platform): ContentFile[] {
  const lock = PackageLock.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
  const folders = productionPackages(lock, `services/${service}`, platform, INSTALL_TIME_DEPENDENCIES);
  return folders
    .filter((folder) => folder.includes("node_modules/"))
    .flatMap((folder) => {
      if (!existsSync(join(root, folder)))
        throw new Error(`${folder}: not installed; run npm ci on ${platformName(platform)}`);
      const name = packageName(folder);
      return filesBelow(join(root, folder), "node_modules")
        .filter((path) => belongsInImage(name, path, platform))
        .map((path) => contentFile(root, `${folder}/${path}`));
    });
}

function embeddedModels(root: string, service: ServiceName): ContentFile[] {
  return Object.keys(EMBEDDED_MODELS)
    .filter((model) => EMBEDDED_MODELS[model] === service)
    .flatMap((model) =>
      filesBelow(join(root, "models", model)).map((path) => contentFile(root, `models/${model}/${path}`)),
    );
}

function app(root: string, service: ServiceName): ContentFile[] {
  return [...COMMON_APP, `services/${service}/package.json`, `services/${service}/dist`].flatMap((entry) => {
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
