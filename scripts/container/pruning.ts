/** What of an installed package is of no use in an image. */
import type { Platform } from "./platform.js";
import type { InstallTimeDependencies } from "./production-packages.js";

/** onnxruntime-node downloads CUDA libraries with them; the CUDA image runs that before it prunes. */
export const INSTALL_TIME_DEPENDENCIES: InstallTimeDependencies = { "onnxruntime-node": ["adm-zip", "global-agent"] };

/** Types, sources and source maps, documentation. Licences stay. */
const USELESS_FILES = /\.(?:[cm]?ts|map|md|markdown|flow|tsbuildinfo)$|^(?:tsconfig.*\.json|\..+)$/i;

const USELESS_FOLDERS = new Set([".github", "docs", "test", "tests", "__tests__", "example", "examples", "benchmarks"]);

type Rule = (path: string, platform: Platform) => boolean;

/** Package → which of its files are kept, where the general rule is too coarse or too strict. */
const RULES: Readonly<Record<string, Rule>> = {
  // binaries of every system: 290 MB, of which one platform needs 26 to 46
  "onnxruntime-node": (path, { os, arch }) =>
    !path.startsWith("script/") && (!path.startsWith("bin/") || path.startsWith(`bin/napi-v6/${os}/${arch}/`)),
  // Node takes dist-cjs, by the condition `node` or by `main`
  "@aws-sdk/*": (path) => !path.startsWith("dist-es/") && !path.startsWith("dist-types/"),
  "@smithy/*": (path) => !path.startsWith("dist-es/") && !path.startsWith("dist-types/"),
  // the services alone load it: ES modules of version 4
  zod: (path) => !path.endsWith(".cjs") && !path.startsWith("v3/"),
  // what its binaries, which have packages of their own, are built from
  sharp: (path) => !path.startsWith("src/") && !path.startsWith("install/"),
};

/** Whether the file at `path` inside package `name` goes into an image for `platform`. */
export function belongsInImage(name: string, path: string, platform: Platform): boolean {
  const parts = path.split("/");
  if (USELESS_FILES.test(parts.at(-1) ?? "")) return false;
  if (parts.slice(0, -1).some((part) => USELESS_FOLDERS.has(part))) return false;
  const scope = name.startsWith("@") ? `${name.split("/")[0]}/*` : name;
  const rule = RULES[name] ?? RULES[scope];
  return rule?.(path, platform) ?? true;
}
