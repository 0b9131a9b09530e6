/** The onnxruntime-node that the services load, and the provider that belongs to it. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { InvalidConfig } from "@armature/core";
import { PROVIDERS, type Provider } from "./providers.js";

export interface Runtime {
  version: string;
  /** Folder of the runtime's binding, where it looks for providers. */
  folder: string;
}

/** Throws InvalidConfig where `root` holds none for linux/x64. */
export function findRuntime(root: string = installedRoot()): Runtime {
  const manifest = join(root, "package.json");
  if (!existsSync(manifest)) throw new InvalidConfig(`${root}: no onnxruntime-node is there; run npm ci first`);
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  const folder = join(root, "bin/napi-v6/linux/x64");
  if (!existsSync(folder)) throw new InvalidConfig(`${folder} does not exist: the provider is for linux/x64 alone`);
  return { version, folder };
}

/** Throws InvalidConfig for a version whose provider nobody has pinned. */
export function providerFor({ version }: Runtime): Provider {
  const provider = PROVIDERS[version];
  if (provider) return provider;
  const known = Object.keys(PROVIDERS).join(", ");
  throw new InvalidConfig(`onnxruntime-node ${version}: its CUDA provider is not pinned here; known are ${known}`);
}

function installedRoot(): string {
  return dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
}
