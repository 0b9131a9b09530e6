/** Where Linux's loader finds a shared library (ld.so(8)). */
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";

const DEFAULT_FOLDERS = [
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
];

export interface Loader {
  /** The file behind a name such as `libcublas.so.13`, for a binary that itself names these folders first. */
  find(name: string, ownFolders?: readonly string[]): string | undefined;
}

/** The order of the loader: LD_LIBRARY_PATH, the binary's own folders (RUNPATH), the cache of ldconfig, the system's folders. */
export function systemLoader(env: Readonly<Record<string, string | undefined>>): Loader {
  const given = (env.LD_LIBRARY_PATH ?? "").split(/[:;]/).filter(Boolean);
  const cache = loaderCache();
  return {
    find(name, ownFolders = []) {
      const places = [
        ...[...given, ...ownFolders].map((folder) => join(folder, name)),
        ...(cache.get(name) ?? []),
        ...DEFAULT_FOLDERS.map((folder) => join(folder, name)),
      ];
      const found = places.find((place) => existsSync(place));
      return found && realpathSync(found);
    },
  };
}

/** Lines such as `libcuda.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libcuda.so.1`. */
function loaderCache(): Map<string, string[]> {
  const { stdout } = spawnSync("ldconfig", ["-p"], {
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env.PATH ?? ""}:/sbin:/usr/sbin` },
  });
  const found = new Map<string, string[]>();
  for (const [, name, path] of (stdout ?? "").matchAll(/^\s*(\S+) \(libc6,x86-64[^)]*\) => (\S+)$/gm)) {
    found.set(name!, [...(found.get(name!) ?? []), path!]);
  }
  return found;
}
