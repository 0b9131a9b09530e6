/** Where things are kept that may be made anew at any time, while CACHE_DIR does not say. */
import { accessSync, constants, existsSync, lstatSync, mkdirSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { InvalidConfig } from "@armature/core";

interface UserFolders {
  /** May throw, as Node's does for a user that the system does not know. */
  home(): string;
  temporary: string;
  uid: number | undefined;
}

/**
 * `~/.cache/armature`; where there is no home that can be written, as with a container's arbitrary uid, a folder of the user's own
 * under the temporary folder. Throws InvalidConfig where another user holds that.
 */
export function defaultCacheFolder(user: UserFolders = thisUser()): string {
  const usual = usualFolder(user);
  if (usual && canBeMade(usual)) return usual;
  const folder = join(user.temporary, `armature-${user.uid ?? "cache"}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (found.isDirectory() && (user.uid === undefined || found.uid === user.uid)) return folder;
  throw new InvalidConfig(`CACHE_DIR: there is no home folder, and ${folder} is another user's; set CACHE_DIR`);
}

const thisUser = (): UserFolders => ({ home: homedir, temporary: tmpdir(), uid: process.getuid?.() });

function usualFolder({ home }: UserFolders): string | undefined {
  try {
    return join(home(), ".cache", "armature");
  } catch {
    return undefined;
  }
}

/** Whether the folder, or the nearest one above it that is there, can be written. */
function canBeMade(folder: string): boolean {
  if (!existsSync(folder) && dirname(folder) !== folder) return canBeMade(dirname(folder));
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}
