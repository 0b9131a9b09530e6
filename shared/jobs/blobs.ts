/** Pictures and other files of jobs, named by what they hold. */
import { createHash } from "node:crypto";

export interface Blobs {
  /** Keeps the bytes until their owner, a job, is dropped; gives their name. Throws BudgetFull or OverBudget where there is no room. */
  put(bytes: Uint8Array, owner: string): Promise<string>;
  /** Keeps bytes that the job has made, as `put` does, but never refuses them, since the work is done. */
  putMade(bytes: Uint8Array, owner: string): Promise<string>;
  /** Throws if there is no such blob. */
  get(name: string): Promise<Buffer>;
  /** Lets go of all that this owner has put; what others have put, too, stays. */
  drop(owner: string): Promise<void>;
}

/** The name of a blob, such as `sha256:9f86d0…`. */
export function blobName(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
