/** Every file below a folder, while other processes may change it. */
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { unlessVanished } from "@armature/core";

/**
 * Files and links below `folder`, none where it is not there. Unlike `readdir` with `recursive`, which fails as a whole when a folder
 * vanishes while it walks, this leaves out that folder alone.
 */
export async function filesBelow(folder: string): Promise<Dirent[]> {
  const entries = (await unlessVanished(readdir(folder, { withFileTypes: true }))) ?? [];
  const files = await Promise.all(
    entries.map((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [entry])),
  );
  return files.flat();
}
