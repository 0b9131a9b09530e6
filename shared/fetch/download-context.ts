/** What the downloads of one run share. */
import type PQueue from "p-queue";
import type { FetchEvent, FetchTuning } from "./fetch-options.js";
import type { HashThread } from "./hash-thread.js";

export interface DownloadContext {
  tuning: FetchTuning;
  /** One place for each connection. */
  connections: PQueue;
  hasher: HashThread;
  emit(event: FetchEvent): void;
  signal: AbortSignal;
}
