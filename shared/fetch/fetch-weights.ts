/** Fetches a selection of weights into a models' folder: plan, check, pin, download. The command and the services call this. */
import { join } from "node:path";
import { unlessVanished } from "@armature/core";
import PQueue from "p-queue";
import { downloadFile } from "./download.js";
import type { DownloadContext } from "./download-context.js";
import { FETCH_DEFAULTS, type FetchEvent, type FetchTuning } from "./fetch-options.js";
import { agrees, type Digests, hashText } from "./file-hash.js";
import { HashThread } from "./hash-thread.js";
import { LOCK_FILE, readLock } from "./lock-file.js";
import type { ListingWait } from "./offer.js";
import { type Completed, pin } from "./pin.js";
import { type Plan, type PlannedFile, planSelection } from "./plan.js";
import type { Selection } from "./selection.js";
import type { HuggingFaceCache } from "./sources/hf-cache.js";
import type { WeightSource } from "./sources/source.js";
import { type Supplier, suppliersOf } from "./suppliers.js";
import { checkTarget, freeBytes } from "./target.js";
import { refuseLfsPointer, requireShards } from "./weight-file-checks.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

export interface FetchTarget {
  /** Root of the models' folders: a file goes to `dir/<repository>/<path>`. */
  dir: string;
  /** Default: beside the weights, in `dir`. */
  lockFile?: string;
}

export interface FetchOptions {
  source: WeightSource;
  /** The Python library's cache, looked into before anything is downloaded. */
  cache?: HuggingFaceCache | undefined;
  /** The lock file must say everything, and nothing may differ from it. */
  frozen?: boolean;
  /** Branches and tags are asked for anew; otherwise the lock file's commits stay. */
  update?: boolean;
  /** What is there is hashed again, and fetched again if it is wrong. */
  rehash?: boolean;
  tuning?: Partial<FetchTuning>;
  progress?: (event: FetchEvent) => void;
  /** A repository's files could not be listed, and are asked for again. */
  onWait?: (wait: ListingWait) => void;
  signal?: AbortSignal;
  /** Bytes free below a folder. */
  free?: (dir: string) => Promise<number>;
}

export interface FetchResult {
  plan: Plan;
  fetchedBytes: number;
  /** Files that another repository than their own has given. */
  servedByOthers: ServedFile[];
}

export interface ServedFile {
  repository: string;
  path: string;
  servedBy: string;
}

/**
 * Makes every file of `selection` present below `target.dir`, with the bytes that the lock file pins. Throws WeightsUnavailable
 * (what is there stays, and another call goes on from it) or the reason of `options.signal`.
 */
export async function fetchSelection(
  selection: Selection,
  target: FetchTarget,
  options: FetchOptions,
): Promise<FetchResult> {
  const plan = await planFetch(selection, target, options);
  return fetchPlanned(plan, target, options);
}

/** The plan that `fetchPlanned` carries out. Asks the source for what the lock file does not pin; writes nothing. */
export async function planFetch(selection: Selection, target: FetchTarget, options: FetchOptions): Promise<Plan> {
  const { source, cache, frozen, update, rehash, onWait, signal = never() } = options;
  const { chunkBytes, retry } = { ...FETCH_DEFAULTS, ...options.tuning };
  const lock = await readLock(lockFileOf(target));
  const { dir } = target;
  return planSelection(selection, {
    dir,
    lock,
    source,
    cache,
    frozen,
    update,
    rehash,
    chunkBytes,
    retry,
    signal,
    onWait,
  });
}

/** Fetches what a plan lacks. Target and options must be those that it was made with. */
export async function fetchPlanned(plan: Plan, target: FetchTarget, options: FetchOptions): Promise<FetchResult> {
  const { signal = never(), frozen = false, free = freeBytes } = options;
  const tuning = { ...FETCH_DEFAULTS, ...options.tuning };
  const files = plan.repositories.flatMap(({ files }) => files);
  const todo = files.filter(({ state }) => state !== "present");
  if (plan.writeBytes > 0) await checkTarget(plan.dir, plan.writeBytes, free);
  const hasher = new HashThread();
  if (todo.length > 0) hasher.start();
  const lockFile = lockFileOf(target);
  if (!frozen) await pin(plan, new Map(), lockFile, signal);

  const emit = options.progress ?? (() => {});
  const connections = new PQueue({ concurrency: tuning.connections });
  const context: DownloadContext = { tuning, connections, hasher, emit, signal };
  const completed = new Map<PlannedFile, Completed>();
  try {
    await inParallel(todo, tuning.files, async (file) => {
      const repository = plan.repositories.find(({ files }) => files.includes(file))!;
      completed.set(
        file,
        await complete(file, suppliersOf(file, repository, options.source, options.cache), context, frozen),
      );
    });
  } finally {
    await hasher.close();
    // Also after a failure: what did arrive is hashed, and need not be again.
    if (!frozen && completed.size > 0) await pin(plan, completed, lockFile, new AbortController().signal);
  }
  await requireShards(files);
  const servedByOthers = [...completed].flatMap(([{ repository, path }, { servedBy }]) =>
    servedBy === undefined ? [] : [{ repository, path, servedBy }],
  );
  return { plan, fetchedBytes: plan.fetchBytes, servedByOthers };
}

function lockFileOf({ dir, lockFile }: FetchTarget): string {
  return lockFile ?? join(dir, LOCK_FILE);
}

/** Makes one file present: by hashing what is there, or by downloading. */
async function complete(
  file: PlannedFile,
  suppliers: Supplier[],
  context: DownloadContext,
  frozen: boolean,
): Promise<Completed> {
  const { emit } = context;
  const found = file.state === "unverified" && file.hash ? await digestsHere(file, context) : undefined;
  if (found && agrees(found, file.hash)) {
    await refuseLfsPointer(file.target, file.path, file.target);
    emit({ kind: "complete", file, how: "adopted" });
    return { digests: found, how: "adopted", servedBy: undefined };
  }
  if (found && file.hash) {
    const message = `${file.target}: sha256 ${found.sha256}, but ${hashText(file.hash)} is pinned`;
    if (frozen) throw new WeightsUnavailable("differs-from-lock", `--frozen: ${message}`);
    emit({ kind: "discarded", file, message });
  }
  const sources = suppliers.map(({ source }) => source);
  const { digests, source } = await downloadFile({ file, target: file.target, sources }, context);
  const servedBy = suppliers.find((supplier) => supplier.source === source)?.servedBy;
  emit({ kind: "complete", file, how: "fetched", servedBy });
  return { digests, how: "fetched", servedBy };
}

/** Undefined if the file has gone since it was planned: it is missing. */
function digestsHere(file: PlannedFile, { hasher, emit, signal }: DownloadContext): Promise<Digests | undefined> {
  const onBytes = (done: number) => emit({ kind: "hashed", file, done });
  return unlessVanished(hasher.digestFile(file.target, file.size, signal, onBytes));
}

/** Small files first: a model without its configuration is of no use, and a mistake shows early. */
async function inParallel(
  files: readonly PlannedFile[],
  concurrency: number,
  work: (file: PlannedFile) => Promise<void>,
): Promise<void> {
  const queue = new PQueue({ concurrency });
  const failures: unknown[] = [];
  for (const file of [...files].sort((a, b) => a.size - b.size)) {
    void queue.add(async () => {
      try {
        if (!failures.some(endsAll)) await work(file);
      } catch (error) {
        failures.push(error);
      }
    });
  }
  await queue.onIdle();
  if (failures.length > 0) throw failures.find(endsAll) ?? summary(failures);
}

/** A full disk or an abort ends everything; a file that cannot be had does not keep the others from coming. */
function endsAll(error: unknown): boolean {
  return !(error instanceof WeightsUnavailable) || ["no-space", "read-only", "disk-failed"].includes(error.reason);
}

function summary(failures: unknown[]): unknown {
  const [first, ...others] = failures as WeightsUnavailable[];
  if (!first || others.length === 0) return first;
  const text = `${first.message} (and ${others.length} more: ${others.map(({ message }) => message).join("; ")})`;
  return new WeightsUnavailable(first.reason, text, { cause: first, retryAfterS: first.retryAfterS });
}

function never(): AbortSignal {
  return new AbortController().signal;
}
