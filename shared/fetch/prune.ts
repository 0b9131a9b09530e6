/** Removes weights that a selection no longer needs. Only files that the lock file names are ever touched. */
import { rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { lockedFiles, updateLock, type WeightsLock } from "./lock-file.js";
import { pathOnDisk } from "./names-on-disk.js";
import { partPath, removeParts } from "./part-file.js";
import type { Plan } from "./plan.js";

interface Removable {
  repository: string;
  path: string;
  /** Bytes on the disk, of the file or of what was fetched of it. */
  bytes: number;
}

/** What the lock file names and `plan` does not need. */
export async function findRemovable(lock: WeightsLock, plan: Plan): Promise<Removable[]> {
  const needed = new Set(plan.repositories.flatMap(({ files }) => files.map(({ target }) => target)));
  const removable: Removable[] = [];
  for (const [repository, locked] of Object.entries(lock.repositories)) {
    for (const { path } of lockedFiles(locked)) {
      const target = pathOnDisk(plan.dir, repository, path);
      if (needed.has(target)) continue;
      removable.push({ repository, path, bytes: (await diskBytes(target)) + (await diskBytes(partPath(target))) });
    }
  }
  return removable;
}

/** Removes the files, folders that become empty, and the lines of the lock file. */
export async function removeWeights(
  dir: string,
  lockFile: string,
  removable: readonly Removable[],
  signal: AbortSignal,
): Promise<void> {
  // The lock file first: if we are stopped in between, a file is left over, and not a promise that nobody keeps.
  await updateLock(lockFile, (lock) => forget(lock, removable), signal);
  for (const { repository, path } of removable) {
    const target = pathOnDisk(dir, repository, path);
    await removeParts(target);
    await rm(target, { force: true });
    await removeEmptyFolders(dirname(target), dir);
  }
}

function forget(lock: WeightsLock, removable: readonly Removable[]): void {
  for (const { repository, path } of removable) {
    const files = lock.repositories[repository]?.files;
    if (!files) continue;
    delete files[path];
    if (Object.keys(files).length === 0) delete lock.repositories[repository];
  }
}

async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let current = folder; isInside(current, root); current = join(current, "..")) {
    const removed = await rmdir(current).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
}

function isInside(folder: string, root: string): boolean {
  const path = relative(root, folder);
  return path !== "" && !path.startsWith("..");
}

async function diskBytes(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
