/** Fetches one file whose hash is known, from one source: resumed where it broke off, under its name only if it agrees. */
import PQueue from "p-queue";
import { downloadFile } from "./download.js";
import { FETCH_DEFAULTS, type FetchEvent, type FetchTuning } from "./fetch-options.js";
import { HashThread } from "./hash-thread.js";
import type { FileAddress, WeightSource } from "./sources/source.js";

interface FetchPinnedOptions {
  source: WeightSource;
  tuning?: Partial<FetchTuning>;
  progress?: (event: FetchEvent) => void;
  signal?: AbortSignal;
}

/** Throws WeightsUnavailable, and then what has arrived is kept; or the reason of `signal`. */
export async function fetchPinned(file: FileAddress, target: string, options: FetchPinnedOptions): Promise<void> {
  const { source, progress: emit = () => {}, signal = new AbortController().signal } = options;
  const tuning = { ...FETCH_DEFAULTS, ...options.tuning };
  const hasher = new HashThread();
  try {
    const connections = new PQueue({ concurrency: tuning.connections });
    await downloadFile({ file, target, sources: [source] }, { tuning, connections, hasher, emit, signal });
  } finally {
    await hasher.close();
  }
}
