/** Folders that several processes change: what one of them lists, another may rename or remove before it is looked at. */

/** Whether a call of the file system failed because its path leads nowhere: never there, or removed since it was listed. */
export function isVanished(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
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

/** The same of a call that does not wait. */
export function unlessVanishedSync<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch (error) {
    if (isVanished(error)) return undefined;
    throw error;
  }
}
