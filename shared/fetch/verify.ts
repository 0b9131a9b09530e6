/** Hashes what is on the disk and compares it with the lock file. Changes nothing. */
import { stat } from "node:fs/promises";
import { unlessVanished } from "@armature/core";
import { agrees } from "./file-hash.js";
import { HashThread } from "./hash-thread.js";
import { lockedFiles, type WeightsLock } from "./lock-file.js";
import { pathOnDisk } from "./names-on-disk.js";
import { foldersWithoutWeights } from "./select-files.js";
import type { RemoteFile } from "./sources/source.js";
import { isLfsPointer } from "./weight-file-checks.js";

interface VerifiedFile {
  repository: string;
  path: string;
  size: number;
  /** `no-weights`: what is pinned of this folder is a configuration alone. */
  state: "good" | "missing" | "wrong-size" | "wrong-hash" | "lfs-pointer" | "no-weights";
}

interface VerifyOptions {
  dir: string;
  lock: WeightsLock;
  /** Files to verify; undefined for all that the lock file names. */
  only?: (repository: string, path: string) => boolean;
  /** `done` bytes of a file have been hashed. */
  progress?: (file: RemoteFile & { repository: string }, done: number) => void;
  signal: AbortSignal;
}

export async function verifyWeights(options: VerifyOptions): Promise<VerifiedFile[]> {
  const { lock, only = () => true, signal } = options;
  const hasher = new HashThread();
  const results: VerifiedFile[] = [];
  try {
    for (const [repository, locked] of Object.entries(lock.repositories)) {
      for (const file of lockedFiles(locked)) {
        signal.throwIfAborted();
        const { path, size } = file;
        if (!only(repository, path)) continue;
        results.push({ repository, path, size, state: await stateOf({ ...file, repository }, hasher, options) });
      }
      for (const folder of foldersWithoutWeights(Object.keys(locked.files))) {
        const path = folder || ".";
        if (only(repository, path)) results.push({ repository, path, size: 0, state: "no-weights" });
      }
    }
  } finally {
    await hasher.close();
  }
  return results;
}

async function stateOf(
  file: RemoteFile & { repository: string },
  hasher: HashThread,
  { dir, signal, progress }: VerifyOptions,
): Promise<VerifiedFile["state"]> {
  const path = pathOnDisk(dir, file.repository, file.path);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return "missing";
  if (await isLfsPointer(file.path, path)) return "lfs-pointer";
  if (found.size !== file.size) return "wrong-size";
  const hashing = hasher.digestFile(path, file.size, signal, (done) => progress?.(file, done));
  const digests = await unlessVanished(hashing);
  if (!digests) return "missing";
  return agrees(digests, file.hash) ? "good" : "wrong-hash";
}
