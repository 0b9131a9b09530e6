/** A source that carries a lock file says by it what it holds. */
import { lockedFiles, type WeightsLock } from "../lock-file.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import type { Listing } from "./source.js";

/** What `lock`, found in `source`, says of a repository. `revision` must be what it was filled for. */
export function listingFromLock(lock: WeightsLock, source: string, repository: string, revision: string): Listing {
  const locked = lock.repositories[repository];
  if (!locked) {
    throw new WeightsUnavailable("missing-repository", `${source} holds nothing of ${repository}, by its lock file`);
  }
  if (revision !== locked.revision && revision !== locked.commit) {
    const message = `${source} holds ${repository} at ${locked.revision} (${locked.commit}), not at ${revision}`;
    throw new WeightsUnavailable("missing-revision", message);
  }
  const { commit, repositoryBytes } = locked;
  return { repository, commit: commit ?? undefined, files: lockedFiles(locked), repositoryBytes };
}
