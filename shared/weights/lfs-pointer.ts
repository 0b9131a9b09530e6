/** Git LFS pointers: the few lines that a clone without Git LFS holds in place of a large file (git-lfs, docs/spec.md). */
import { closeSync, openSync, readSync } from "node:fs";
import { unlessVanishedSync } from "@armature/core";

interface LfsPointer {
  /** Digest of the file that the pointer stands for, in lower-case hex. */
  sha256: string;
  bytes: number;
}

/** The specification allows no longer one. */
export const MAX_POINTER_BYTES = 1024;

/** The pointer that a file's text is; undefined if it is none. */
function parseLfsPointer(text: string): LfsPointer | undefined {
  if (!text.startsWith("version https://git-lfs.github.com/spec/")) return undefined;
  const sha256 = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1];
  const bytes = /^size (\d{1,15})$/m.exec(text)?.[1];
  return sha256 && bytes ? { sha256, bytes: Number(bytes) } : undefined;
}

/** The pointer that lies at `file` in place of its content; undefined if it is none, or not there. */
export function lfsPointerAt(file: string): LfsPointer | undefined {
  const descriptor = unlessVanishedSync(() => openSync(file, "r"));
  if (descriptor === undefined) return undefined;
  try {
    const start = Buffer.alloc(MAX_POINTER_BYTES + 1);
    const length = readSync(descriptor, start, 0, start.length, 0);
    return length > MAX_POINTER_BYTES ? undefined : parseLfsPointer(start.toString("latin1", 0, length));
  } finally {
    closeSync(descriptor);
  }
}

/** What lies in place of the file, and what to do, for a message. */
export function lfsPointerText({ bytes }: LfsPointer): string {
  return (
    `is a Git LFS pointer, not the file of ${bytes} bytes that it stands for: run "git lfs pull" in that clone, ` +
    "or fetch the file with npm run fetch-weights"
  );
}
