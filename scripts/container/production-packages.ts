/** Which installed packages a workspace needs when it runs: npm's lock file, walked as Node resolves names. */
import { z } from "zod";
import type { Platform } from "./platform.js";

const names = z.record(z.string(), z.string()).default({});

const LockedPackage = z.object({
  resolved: z.string().optional(),
  link: z.boolean().default(false),
  os: z.array(z.string()).optional(),
  cpu: z.array(z.string()).optional(),
  libc: z.array(z.string()).optional(),
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
});

/** `package-lock.json`, as far as it matters here. */
export const PackageLock = z.object({ packages: z.record(z.string(), LockedPackage) });
export type PackageLock = z.infer<typeof PackageLock>;

/** Dependencies that only the install script of a package uses. */
export type InstallTimeDependencies = Readonly<Record<string, readonly string[]>>;

/**
 * Folders, relative to the root, of `workspaces` and of all that they need on `platform`, sorted. What npm leaves out there
 * (another system, processor or C library) is left out. Throws for a needed package that the lock file does not hold.
 */
export function productionPackages(
  { packages }: PackageLock,
  workspaces: readonly string[],
  platform: Platform,
  installTime: InstallTimeDependencies = {},
): string[] {
  const found = new Set<string>();
  const waiting = [...workspaces];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (found.has(folder)) continue;
    found.add(folder);
    const { dependencies, optionalDependencies, peerDependencies } = lockedPackage(folder);
    const skipped = installTime[packageName(folder)] ?? [];
    const required = Object.keys(dependencies).filter((name) => !(name in optionalDependencies));
    for (const name of required) {
      const needed = resolve(folder, name);
      if (needed === undefined) throw new Error(`${folder}: needs ${name}, which package-lock.json does not hold`);
      if (!skipped.includes(name)) waiting.push(needed);
    }
    for (const name of [...Object.keys(optionalDependencies), ...Object.keys(peerDependencies)]) {
      const optional = resolve(folder, name);
      if (optional !== undefined && runsOn(lockedPackage(optional), platform)) waiting.push(optional);
    }
  }
  return [...found].sort();

  function lockedPackage(folder: string) {
    const locked = packages[folder];
    if (!locked) throw new Error(`${folder}: package-lock.json does not hold it`);
    return locked;
  }

  /** Looks in `node_modules` of `from`, then of each folder above it; follows a link to its workspace. */
  function resolve(from: string, name: string): string | undefined {
    for (const above of foldersAbove(from)) {
      const folder = above ? `${above}/node_modules/${name}` : `node_modules/${name}`;
      const locked = packages[folder];
      if (locked) return locked.link ? locked.resolved : folder;
    }
    return undefined;
  }
}

/** The name of the package in `folder`, such as `@img/sharp-linux-x64`. */
export function packageName(folder: string): string {
  return folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
}

function foldersAbove(folder: string): string[] {
  const parts = folder.split("/");
  return [...parts.keys(), parts.length]
    .reverse()
    .map((length) => parts.slice(0, length))
    .filter((above) => above.at(-1) !== "node_modules")
    .map((above) => above.join("/"));
}

/** The images have glibc. */
function runsOn({ os, cpu, libc }: z.infer<typeof LockedPackage>, platform: Platform): boolean {
  return allows(os, platform.os) && allows(cpu, platform.arch) && allows(libc, "glibc");
}

function allows(list: string[] | undefined, value: string): boolean {
  if (!list) return true;
  if (list.includes(`!${value}`)) return false;
  return list.includes(value) || list.every((entry) => entry.startsWith("!"));
}
