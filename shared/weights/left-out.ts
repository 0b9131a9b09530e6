/** Parts the folders that were found into those that can work and those that cannot, with the reason in words that a client may read. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { AppError, InvalidModel, unlessVanishedSync } from "@armature/core";

/** A model or ControlNet that is not served because it cannot work. */
export interface LeftOut {
  /** The folder's path under MODELS_DIR. */
  id: string;
  /** Names files as they lie under that folder. */
  reason: string;
}

export interface Usable<Entry> {
  usable: Entry[];
  leftOut: LeftOut[];
}

/** What can be read of the folders with these ids under `modelsDir`. */
export function readUsable<Entry>(
  ids: readonly string[],
  modelsDir: string,
  read: (id: string) => Entry,
): Usable<Entry> {
  const usable: Entry[] = [];
  const leftOut: LeftOut[] = [];
  for (const id of ids) {
    const folder = join(modelsDir, id);
    try {
      usable.push(orInvalidModel(folder, () => read(id)));
    } catch (error) {
      leftOut.push({ id, reason: withoutFolders((error as Error).message, folder) });
    }
  }
  return { usable, leftOut };
}

/** What cannot be made of a model's files is the model's fault, whichever part of the program found it: InvalidModel names the folder. */
export function orInvalidModel<Entry>(folder: string, read: () => Entry): Entry {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new InvalidModel(`${folder}: ${(cause as Error).message}`, { cause });
  }
}

/** A folder's path, up to the name in it: `/data/models/` in `/data/models/unet: ...`. */
const ABSOLUTE_FOLDERS = /(?<![\w.])(?:[A-Za-z]:)?[\\/](?:[^\\/:;,"]+[\\/])*(?=[^\\/\s])/g;

/** The message without the machine's folders, which are nobody else's business: files of the model as they lie in it, others by name. */
function withoutFolders(message: string, folder: string): string {
  const places = [folder, unlessVanishedSync(() => realpathSync(folder)) ?? folder];
  const within = places.reduce(
    (text, place) => text.replaceAll(`${place}/`, "").replaceAll(`${place}: `, "").replaceAll(place, "its folder"),
    message,
  );
  return within.replace(ABSOLUTE_FOLDERS, "");
}
