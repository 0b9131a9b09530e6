/** The same source, asked for another repository that holds the same files: of use only where their hashes are pinned. */
import type { FileAddress, WeightSource } from "./source.js";

export function atRepository(source: WeightSource, repository: string): WeightSource {
  const moved = (file: FileAddress): FileAddress => ({ ...file, repository, commit: undefined });
  return {
    name: `${source.name} (${repository})`,
    isLocal: source.isLocal,
    list: (_repository, revision, signal) => source.list(repository, revision, signal),
    read: (file, range, sink, signal) => source.read(moved(file), range, sink, signal),
    close: () => source.close(),
  };
}
