/**
 * The lock file pins commit, size and hash of every file, so that another machine or an image build gets the same bytes.
 * It lies beside the weights, sorted, so that two of them compare by `diff`.
 */
import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { InvalidConfig, printable } from "@armature/core";
import { z } from "zod";
import { claim } from "./claim.js";
import { agrees, EMPTY_DIGESTS, type FileHash, SHA1_HEX, SHA256_HEX } from "./file-hash.js";
import { isFilePath, isRepositoryId } from "./names-on-disk.js";
import type { RemoteFile } from "./sources/source.js";

export const LOCK_FILE = "armature-weights.lock.json";

/** `gitSha1` stands in for the sha256 of a small file that has not been fetched yet: the Hub knows no other hash of it. */
const LockedFile = z
  .strictObject({
    size: z.int().nonnegative(),
    sha256: z.string().regex(SHA256_HEX).optional(),
    gitSha1: z.string().regex(SHA1_HEX).optional(),
    servedBy: z.string().refine(isRepositoryId).optional().describe("Another repository, if that served this file"),
  })
  .refine(({ sha256, gitSha1 }) => sha256 || gitSha1, "wants sha256 or gitSha1")
  .refine((file) => file.size > 0 || agrees(EMPTY_DIGESTS, lockedHash(file)), "no file of 0 bytes has this hash");

const LockedRepository = z.strictObject({
  revision: z.string().describe("What was asked for"),
  commit: z.string().regex(SHA1_HEX).nullable().describe("What it was, or null for a plain directory"),
  servedBy: z.string().refine(isRepositoryId).optional().describe("Whose commit it is, if another repository's"),
  repositoryBytes: z.int().nonnegative().optional().describe("What a clone would have cost"),
  files: z.record(z.string().refine(isFilePath), LockedFile),
});

const WeightsLockSchema = z.strictObject({
  version: z.literal(1),
  repositories: z.record(z.string().refine(isRepositoryId), LockedRepository),
});

export type LockedRepository = z.infer<typeof LockedRepository>;
export type WeightsLock = z.infer<typeof WeightsLockSchema>;

export function lockPath(dir: string): string {
  return join(dir, LOCK_FILE);
}

/** The lock in `text`. `from` names it in the InvalidConfig that unsound text throws. */
export function parseLock(text: string, from: string): WeightsLock {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InvalidConfig(`${from}: the lock file is not JSON`, { cause });
  }
  const result = WeightsLockSchema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new InvalidConfig(printable(`${from}: ${issue?.path.join(" → ") || "the lock file"}: ${issue?.message}`));
}

/** The lock at `path`; an empty one if there is none. */
export async function readLock(path: string): Promise<WeightsLock> {
  try {
    return parseLock(await readFile(path, "utf8"), path);
  } catch (error) {
    if (error instanceof InvalidConfig) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return { version: 1, repositories: {} };
    throw new InvalidConfig(`${path}: the lock file cannot be read (${code})`, { cause: error });
  }
}

/** Reads, changes and writes the lock at `path` in one step that no other process comes between. */
export async function updateLock(
  path: string,
  change: (lock: WeightsLock) => void,
  signal: AbortSignal,
): Promise<void> {
  const owned = await claim(path, signal);
  try {
    const lock = await readLock(path);
    const before = lockText(lock);
    change(lock);
    if (lockText(lock) !== before) await replaceFile(path, lockText(lock));
  } finally {
    await owned.release();
  }
}

/** Stable text: repositories and files in the order of their names. */
export function lockText(lock: WeightsLock): string {
  const repositories = sortedEntries(lock.repositories).map(([name, { files, ...rest }]) => {
    return [name, { ...rest, files: Object.fromEntries(sortedEntries(files)) }] as const;
  });
  return `${JSON.stringify({ version: lock.version, repositories: Object.fromEntries(repositories) }, null, 2)}\n`;
}

/** The files that the lock pins for a repository. */
export function lockedFiles(repository: LockedRepository): RemoteFile[] {
  return Object.entries(repository.files).map(([path, file]) => ({ path, size: file.size, hash: lockedHash(file) }));
}

function lockedHash({ sha256, gitSha1 }: { sha256?: string; gitSha1?: string }): FileHash | undefined {
  if (sha256) return { sha256 };
  return gitSha1 ? { gitSha1 } : undefined;
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const handle = await open(temporary, "w");
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path).catch(async (error: unknown) => {
    await rm(temporary, { force: true });
    throw error;
  });
}

function sortedEntries<Value>(record: Record<string, Value>): [string, Value][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
