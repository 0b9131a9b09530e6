/** A source that asks another one for the same files in another repository: of use only where their hashes are pinned. */
import type { FileAddress, WeightSource } from "./source.js";

/** `commit` of that repository, where one is known; else what it has now. */
export function atRepository(source: WeightSource, repository: string, commit: string | undefined): WeightSource {
  const moved = (file: FileAddress): FileAddress => ({ ...file, repository, commit });
  return {
    name: `${source.name} (${repository})`,
    isLocal: source.isLocal,
    list: (_repository, revision, signal) => source.list(repository, revision, signal),
    read: (file, range, sink, signal) => source.read(moved(file), range, sink, signal),
    close: () => source.close(),
  };
}
