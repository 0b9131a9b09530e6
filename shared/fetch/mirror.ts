/** Fills a bucket from a models' folder, so that a fleet fetches from there. */
import { lockText, type WeightsLock } from "./lock-file.js";
import { pathOnDisk } from "./names-on-disk.js";
import type { Plan } from "./plan.js";
import type { S3Bucket } from "./sources/s3-bucket.js";
import type { FileAddress } from "./sources/source.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

interface MirrorOptions {
  /** What was fetched: these files are stored. */
  plan: Plan;
  /** Pins them all. */
  lock: WeightsLock;
  bucket: S3Bucket;
  progress?: (event: { file: FileAddress; state: "stored" | "there" | "storing"; done: number }) => void;
  signal: AbortSignal;
}

interface MirrorResult {
  storedFiles: number;
  storedBytes: number;
}

/** Stores what the bucket lacks. Its lock file comes last, so that it never names a file that is not there. */
export async function mirrorWeights({ plan, lock, bucket, progress, signal }: MirrorOptions): Promise<MirrorResult> {
  const result = { storedFiles: 0, storedBytes: 0 };
  for (const { repository, commit, files } of plan.repositories) {
    for (const { path, size, hash } of files) {
      const file: FileAddress = { repository, commit, path, size, hash };
      const sha256 = lock.repositories[repository]?.files[path]?.sha256;
      if (!sha256)
        throw new WeightsUnavailable("not-pinned", `${repository}/${path}: not fetched, so not to be mirrored`);
      if (await bucket.holds(file, sha256, signal)) {
        progress?.({ file, state: "there", done: size });
        continue;
      }
      const onBytes = (done: number) => progress?.({ file, state: "storing", done });
      await bucket.storeFile(pathOnDisk(plan.dir, repository, path), file, sha256, signal, onBytes);
      progress?.({ file, state: "stored", done: size });
      result.storedFiles++;
      result.storedBytes += size;
    }
  }
  await mergeLock(plan, lock, bucket, signal);
  return result;
}

async function mergeLock(plan: Plan, lock: WeightsLock, bucket: S3Bucket, signal: AbortSignal): Promise<void> {
  const before = await bucket.readLock(signal);
  const merged: WeightsLock = before ?? { version: 1, repositories: {} };
  const textBefore = before && lockText(before);
  for (const { repository, files } of plan.repositories) {
    const ours = lock.repositories[repository];
    if (!ours) continue;
    const theirs = merged.repositories[repository];
    const kept = theirs?.commit === ours.commit ? theirs.files : {};
    const stored = new Set(files.map(({ path }) => path));
    const added = Object.entries(ours.files).filter(([path]) => stored.has(path));
    merged.repositories[repository] = { ...ours, files: { ...kept, ...Object.fromEntries(added) } };
  }
  if (lockText(merged) !== textBefore) await bucket.writeLock(merged, signal);
}
