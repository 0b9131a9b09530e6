/** Weights on a disk: a models' folder, with its lock file if it has one, or folders of repositories as `git clone` leaves them. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { isVanished, unlessVanished } from "@armature/core";
import { filesBelow } from "../files-below.js";
import { lockPath, readLock } from "../lock-file.js";
import { isRepositoryId, pathOnDisk } from "../names-on-disk.js";
import { refuseLfsPointer } from "../weight-file-checks.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { listingFromLock } from "./locked-listing.js";
import type { ByteRange, ByteSink, FileAddress, Listing, RemoteFile, WeightSource } from "./source.js";

export class LocalDirectory implements WeightSource {
  readonly name: string;
  readonly isLocal = true;

  constructor(private readonly dir: string) {
    this.name = dir;
  }

  /** Lists a repository from its lock file, else from the files that lie there: then no hash is known beforehand. */
  async list(repository: string, revision: string): Promise<Listing> {
    const lock = await readLock(lockPath(this.dir));
    if (lock.repositories[repository]) return listingFromLock(lock, this.name, repository, revision);
    const files = isRepositoryId(repository) ? await repositoryFiles(join(this.dir, repository)) : [];
    if (files.length > 0) return { repository, commit: undefined, files, repositoryBytes: undefined };
    throw new WeightsUnavailable("missing-repository", `${this.dir} has no folder ${repository}`);
  }

  async read(file: FileAddress, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const path = pathOnDisk(this.dir, file.repository, file.path);
    await refuseLfsPointer(path, file.path, path);
    await readLocalFile(path, range, sink, signal);
  }

  async close(): Promise<void> {}
}

/** Sends a range of a file on the disk to a sink. */
export async function readLocalFile(
  path: string,
  range: ByteRange,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<void> {
  const missing = () => new WeightsUnavailable("missing-file", `${path} does not exist`);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw missing();
  sink.begin({ start: range.start, whole: false, total: found.size });
  const stream = createReadStream(path, { start: range.start, end: range.end - 1, highWaterMark: 256 * 1024, signal });
  try {
    for await (const bytes of stream) await sink.write(bytes as Buffer);
  } catch (error) {
    signal.throwIfAborted();
    throw isVanished(error) ? missing() : error;
  }
}

async function repositoryFiles(folder: string): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  for (const entry of await filesBelow(folder)) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join("/");
    const found = name.startsWith(".git/") ? undefined : await unlessVanished(stat(path));
    if (found?.isFile()) files.push({ path: name, size: found.size, hash: undefined });
  }
  return files;
}
