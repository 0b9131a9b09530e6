/** What a file's bytes must hash to, in the two forms that the Hub publishes. */
import { createHash, type Hash } from "node:crypto";

/** `sha256` for large files; for small ones the Hub knows only git's blob id (`gitSha1`), until we have hashed them once. */
export type FileHash = { sha256: string; gitSha1?: undefined } | { gitSha1: string; sha256?: undefined };

/** Both hashes of a whole file, in lower-case hex. */
export interface Digests {
  sha256: string;
  gitSha1: string;
}

export const SHA256_HEX = /^[0-9a-f]{64}$/;
export const SHA1_HEX = /^[0-9a-f]{40}$/;

/** The hash that a name of 64 or 40 hex digits stands for: an ETag of the Hub, a blob in the Python library's cache. */
export function hashNamed(name: string): FileHash | undefined {
  if (SHA256_HEX.test(name)) return { sha256: name };
  if (SHA1_HEX.test(name)) return { gitSha1: name };
  return undefined;
}

export function hashText(hash: FileHash): string {
  return hash.sha256 === undefined ? `git blob ${hash.gitSha1}` : `sha256 ${hash.sha256}`;
}

/** True if a file with these digests is the file that `expected` names. Unknown (`undefined`) agrees with everything. */
export function agrees(digests: Digests, expected: FileHash | undefined): boolean {
  if (!expected) return true;
  return expected.sha256 === undefined ? digests.gitSha1 === expected.gitSha1 : digests.sha256 === expected.sha256;
}

/** Takes a file's bytes in order. git hashes "blob", the length and a zero byte before the content. */
export class DigestStream {
  readonly #sha256: Hash = createHash("sha256");
  readonly #gitSha1: Hash | undefined;

  /** `bytes`: the whole length. git's hash is left out for files of more than `GIT_BYTES`: such files have a sha256. */
  constructor(bytes: number) {
    if (bytes <= GIT_BYTES) this.#gitSha1 = createHash("sha1").update(`blob ${bytes}\0`);
  }

  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#gitSha1?.update(bytes);
  }

  digests(): Digests {
    return { sha256: this.#sha256.digest("hex"), gitSha1: this.#gitSha1?.digest("hex") ?? "" };
  }
}

/** The Hub stores files above 10 MB as LFS or Xet objects, which have a sha256. */
const GIT_BYTES = 16 * 2 ** 20;

/** Digests of a file of no bytes. */
export const EMPTY_DIGESTS: Digests = new DigestStream(0).digests();
