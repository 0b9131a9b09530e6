/** How weights are fetched: numbers with their reasons, and what the caller hears meanwhile. */
import { RETRY_DEFAULTS, type RetryPolicy } from "./retry.js";
import type { FileAddress } from "./sources/source.js";

export type FetchEvent =
  /** `done` bytes of the file are on the disk. */
  | { kind: "bytes"; file: FileAddress; done: number }
  /** Somebody else fetches the file; we wait for them. */
  | { kind: "waiting"; file: FileAddress }
  | { kind: "retry"; file: FileAddress; message: string; waitMs: number }
  /** What came was not what is pinned, and was thrown away. */
  | { kind: "discarded"; file: FileAddress; message: string }
  /** `done` bytes of a file that was there already are hashed. */
  | { kind: "hashed"; file: FileAddress; done: number }
  /** `servedBy`: the other repository that gave the bytes, where it was not the file's own. */
  | { kind: "complete"; file: FileAddress; how: "fetched" | "adopted"; servedBy?: string | undefined };

export interface FetchTuning {
  /** Files under way at once. */
  files: number;
  /** Connections in all, and at most for one file. */
  connections: number;
  connectionsPerFile: number;
  /**
   * Bytes of one range request: what a killed process loses at most on each connection. Long enough that a request's round
   * trip (0.1 s) is small beside its transfer (1.6 s at 10 MB/s).
   */
  chunkBytes: number;
  /** Whether a file is on the disk, and not only in the kernel's memory, before it gets its name: what a power cut asks for. */
  sync: boolean;
  retry: RetryPolicy;
}

export const FETCH_DEFAULTS: FetchTuning = {
  files: 4,
  connections: 8,
  connectionsPerFile: 4,
  chunkBytes: 16 * 2 ** 20,
  sync: true,
  retry: RETRY_DEFAULTS,
};
