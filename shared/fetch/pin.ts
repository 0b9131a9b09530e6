/** What a fetch leaves in the lock file. */
import type { Digests } from "./file-hash.js";
import { updateLock, type WeightsLock } from "./lock-file.js";
import type { Plan, PlannedFile } from "./plan.js";
import { checkTarget } from "./target.js";

/** A file that has arrived, or was here. */
export interface Completed {
  digests: Digests;
  how: "fetched" | "adopted";
  /** The other repository that gave it, where it was not the file's own. */
  servedBy: string | undefined;
}

/** Writes what is pinned into the lock file: hashes as the source tells them, and the sha256 of what has arrived. */
export async function pin(
  plan: Plan,
  completed: Map<PlannedFile, Completed>,
  lockFile: string,
  signal: AbortSignal,
): Promise<void> {
  const isNews = plan.repositories.some(({ pinned, files }) => !pinned || files.some((file) => completed.has(file)));
  if (!isNews) return;
  await checkTarget(plan.dir, 0, async () => Number.POSITIVE_INFINITY);
  await updateLock(lockFile, (lock) => pinInto(lock, plan, completed), signal);
}

function pinInto(lock: WeightsLock, plan: Plan, completed: Map<PlannedFile, Completed>): void {
  for (const planned of plan.repositories) {
    const { repository, revision, commit = null, repositoryBytes, files } = planned;
    const before = lock.repositories[repository];
    const kept = before && before.commit === commit ? before.files : {};
    const pinned = { ...kept };
    for (const file of files) {
      const arrived = completed.get(file);
      const sha256 = arrived?.digests.sha256 ?? file.hash?.sha256 ?? kept[file.path]?.sha256;
      const gitSha1 = sha256 ? undefined : file.hash?.gitSha1;
      const servedBy = arrived?.how === "fetched" ? arrived.servedBy : kept[file.path]?.servedBy;
      if (sha256 || gitSha1) pinned[file.path] = { size: file.size, sha256, gitSha1, servedBy };
    }
    const servedBy = planned.servedBy === repository ? undefined : planned.servedBy;
    lock.repositories[repository] = { revision, commit, servedBy, repositoryBytes, files: pinned };
  }
}
