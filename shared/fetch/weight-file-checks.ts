/** What hashes do not tell: a Git LFS pointer that was published in place of weights, an index of shards that are not there. */
import { stat } from "node:fs/promises";
import { posix } from "node:path";
import { lfsPointerAt, lfsPointerText, looksLikeWeights, MAX_POINTER_BYTES, shardsOf } from "@armature/weights";
import type { FileAddress } from "./sources/source.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

/** True if a pointer lies at `file`, which is called `path` in its repository. */
export async function isLfsPointer(path: string, file: string): Promise<boolean> {
  return (await pointerText(path, file)) !== undefined;
}

/** Throws WeightsUnavailable, naming `what`, if a pointer lies at `file`, which is called `path` in its repository. */
export async function refuseLfsPointer(what: string, path: string, file: string): Promise<void> {
  const text = await pointerText(path, file);
  if (text) throw new WeightsUnavailable("lfs-pointer", `${what}: ${text}`);
}

/** An index has a line per tensor: the largest model here has a few thousand. */
const MAX_INDEX_BYTES = 16 * 2 ** 20;

/** Throws WeightsUnavailable or InvalidModel if an index among `files`, which are on the disk, names a shard that is not among them. */
export async function requireShards(files: readonly (FileAddress & { target: string })[]): Promise<void> {
  const known = new Set(files.map(({ repository, path }) => `${repository}/${path}`));
  for (const { repository, path, size, target } of files) {
    if (!/\.safetensors\.index(\.\w+)?\.json$/.test(path)) continue;
    if (size > MAX_INDEX_BYTES) {
      throw new WeightsUnavailable(
        "no-weights",
        `${repository}/${path}: ${size} bytes are too many for an index of shards`,
      );
    }
    const beside = shardsOf(target).map((name) => `${repository}/${posix.join(posix.dirname(path), name)}`);
    const missing = beside.find((shard) => !known.has(shard));
    if (missing)
      throw new WeightsUnavailable("no-weights", `${repository}/${path} names ${missing}, which is not there`);
  }
}

async function pointerText(path: string, file: string): Promise<string | undefined> {
  if (!looksLikeWeights(path)) return undefined;
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile() || found.size > MAX_POINTER_BYTES) return undefined;
  const pointer = lfsPointerAt(file);
  return pointer && lfsPointerText(pointer);
}
