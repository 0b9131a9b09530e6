/** Which libraries the CUDA provider wants, who brings them, and which are not there. */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { readNeeds } from "../container/elf.js";
import type { Loader } from "./loader.js";

export interface LibraryRow {
  library: string;
  /** What to install for it. */
  package: string;
  /** Undefined: missing. */
  path: string | undefined;
}

/** cuDNN's parts and CUDA's compiler for it are in no header: cuDNN opens them by name when it meets the first convolution. */
const OPENED_BY_NAME = [
  "libcudnn.so.9",
  "libcudnn_graph.so.9",
  "libcudnn_ops.so.9",
  "libcudnn_cnn.so.9",
  "libcudnn_heuristic.so.9",
  "libcudnn_engines_precompiled.so.9",
  "libcudnn_engines_runtime_compiled.so.9",
];

/** The CUDA release that a provider was built for. */
export function cudaMajor(provider: string): number {
  const runtime = libraries(provider).find((name) => name.startsWith("libcudart.so."));
  const major = Number(runtime?.split(".").at(-1));
  if (!(major > 0)) throw new Error(`${provider}: links no CUDA runtime, so it is no CUDA provider`);
  return major;
}

/** One row per library of CUDA, cuDNN or the driver, and one for anything else that is missing; in the order they are met. */
export function libraryRows(provider: string, loader: Loader): LibraryRow[] {
  const major = cudaMajor(provider);
  const opened = [...OPENED_BY_NAME, `libnvrtc.so.${major}`].map((name) => ({ name, for: provider }));
  const waiting = [...needsOf(provider), ...opened];
  const rows = new Map<string, LibraryRow>();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (rows.has(next.name)) continue;
    const path = loader.find(next.name, ownFolders(next.for));
    rows.set(next.name, { library: next.name, package: packageOf(next.name, major), path });
    if (path) waiting.push(...needsOf(path));
  }
  return [...rows.values()].filter((row) => row.package !== SYSTEM || !row.path);
}

/** Versions of the driver that CUDA's releases ask for (their release notes, table 3). */
const LEAST_DRIVER: Readonly<Record<number, string>> = { 12: "525.60.13", 13: "580.65.06" };
const VERSION_FILE = "/proc/driver/nvidia/version";

export interface Driver {
  /** Undefined where the kernel tells none: no driver is loaded, or it is that of Windows, below WSL. */
  version: string | undefined;
  least: string;
  tooOld: boolean;
}

export function driverFor(major: number, versionFile: string = VERSION_FILE): Driver {
  const text = existsSync(versionFile) ? readFileSync(versionFile, "utf8") : "";
  const version = /\b\d{3,}\.\d+(\.\d+)?\b/.exec(text)?.[0];
  const least = LEAST_DRIVER[major] ?? "0";
  return { version, least, tooOld: version !== undefined && isBelow(version, least) };
}

function isBelow(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split(".").map(Number)) as [number[], number[]];
  const at = b.findIndex((part, i) => (a[i] ?? 0) !== part);
  return at >= 0 && (a[at] ?? 0) < b[at]!;
}

const SYSTEM = "the system";

/** Names of NVIDIA's packages for Debian and Ubuntu. */
function packageOf(library: string, major: number): string {
  if (library.startsWith("libcudnn")) return `libcudnn9-cuda-${major}`;
  if (/^libcublas(Lt)?\./.test(library)) return `CUDA ${major}: libcublas-${major}-*`;
  if (library.startsWith("libcurand")) return `CUDA ${major}: libcurand-${major}-*`;
  if (library.startsWith("libcufft")) return `CUDA ${major}: libcufft-${major}-*`;
  if (library.startsWith("libcudart")) return `CUDA ${major}: cuda-cudart-${major}-*`;
  if (library.startsWith("libnvrtc") || library.startsWith("libnvJitLink"))
    return `CUDA ${major}: cuda-nvrtc-${major}-*`;
  if (library === "libcuda.so.1") return `NVIDIA's driver, ${LEAST_DRIVER[major] ?? "any"} or newer`;
  return SYSTEM;
}

function needsOf(binary: string): { name: string; for: string }[] {
  return libraries(binary).map((name) => ({ name, for: binary }));
}

function libraries(binary: string): string[] {
  return readNeeds(binary)?.libraries ?? [];
}

function ownFolders(binary: string): string[] {
  return (readNeeds(binary)?.runpath ?? []).map((folder) =>
    folder.replaceAll(/\$(ORIGIN|\{ORIGIN\})/g, dirname(binary)),
  );
}
