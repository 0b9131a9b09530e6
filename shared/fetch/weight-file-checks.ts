/** What a file of weights must not be, whatever its hash: a Git LFS pointer that was published or copied in its place. */
import { stat } from "node:fs/promises";
import { lfsPointerAt, lfsPointerText, looksLikeWeights, MAX_POINTER_BYTES } from "@armature/weights";
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

async function pointerText(path: string, file: string): Promise<string | undefined> {
  if (!looksLikeWeights(path)) return undefined;
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile() || found.size > MAX_POINTER_BYTES) return undefined;
  const pointer = lfsPointerAt(file);
  return pointer && lfsPointerText(pointer);
}
