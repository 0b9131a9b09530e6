/** Folders that several processes change: what one of them lists, another may rename or remove before it is looked at. */

/** A name, a folder on the way to it, or the end of a link is missing. */
const LEADS_NOWHERE = ["ENOENT", "ENOTDIR", "ELOOP"];

/** Whether a call of the file system failed because its path leads nowhere: never there, or removed since it was listed. */
export function isVanished(error: unknown): boolean {
  return LEADS_NOWHERE.includes((error as NodeJS.ErrnoException).code ?? "");
}

/** What a call of the file system gives; undefined where its path leads nowhere. Every other failure is thrown. */
export async function unlessVanished<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isVanished(error)) return undefined;
    throw error;
  }
}

/** The result of a synchronous call; undefined where the file that it wants has vanished. */
export function unlessVanishedSync<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch (error) {
    if (isVanished(error)) return undefined;
    throw error;
  }
}
