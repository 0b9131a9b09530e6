/** The folder that weights go to: whether it can be written and has room, said before anything is downloaded. */

import { randomUUID } from "node:crypto";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gigabytes } from "@armature/core";
import { WeightsUnavailable } from "./weights-unavailable.js";

/** Room that is left free: for the journals, the lock file, and because a disk filled to the last byte fails others. */
const SPARE_BYTES = 32 * 2 ** 20;

/** Bytes that a user who is not root may still write below `dir`, which need not exist yet. */
export async function freeBytes(dir: string): Promise<number> {
  for (let folder = dir; ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || folder === dirname(folder))
        throw asDiskError(error, dir);
    }
  }
}

/** Throws WeightsUnavailable if `dir` cannot be written, or has no room for `bytes`. `free` tells the bytes that are free. */
export async function checkTarget(dir: string, bytes: number, free: (dir: string) => Promise<number>): Promise<void> {
  const probe = join(dir, `.armature-probe-${randomUUID()}`);
  try {
    await mkdir(dir, { recursive: true });
    await writeFile(probe, "");
    await rm(probe);
  } catch (error) {
    throw asDiskError(error, dir);
  }
  const available = await free(dir);
  if (available >= bytes + SPARE_BYTES) return;
  throw new WeightsUnavailable(
    "no-space",
    `${dir}: ${gigabytes(bytes)} are to be written and ${gigabytes(SPARE_BYTES)} kept free, but only ${gigabytes(available)} are free`,
  );
}

/** What an error of the file system means to the user who fetches. */
export function asDiskError(error: unknown, path: string): WeightsUnavailable {
  const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  if (["ENOSPC", "EDQUOT", "EFBIG"].includes(code)) {
    return new WeightsUnavailable("no-space", `${path}: no space is left (${code})`, { cause: error });
  }
  if (["EROFS", "EACCES", "EPERM", "ENOTDIR"].includes(code)) {
    return new WeightsUnavailable("read-only", `${path}: cannot be written (${code})`, { cause: error });
  }
  return new WeightsUnavailable("disk-failed", `${path}: ${code}`, { cause: error });
}
