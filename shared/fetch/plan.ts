/** What a selection means here and now: each file with its size and hash, what of it is there, and what a clone would have cost. */
import { stat } from "node:fs/promises";
import PQueue from "p-queue";
import { partIdentity } from "./download.js";
import { type LockedRepository, lockedFiles, type WeightsLock } from "./lock-file.js";
import { pathOnDisk } from "./names-on-disk.js";
import { type Candidate, firstOffer, type ListingWait } from "./offer.js";
import { bytesLeftOver } from "./part-file.js";
import type { RetryPolicy } from "./retry.js";
import { chooseFiles, type FileChoice } from "./select-files.js";
import type { RepositoryRequest, Selection, WantedFiles } from "./selection.js";
import type { HuggingFaceCache } from "./sources/hf-cache.js";
import type { FileAddress, WeightSource } from "./sources/source.js";
import { refuseLfsPointer } from "./weight-file-checks.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

/**
 * `present`: complete, as the lock file says. `unverified`: the right size, to be hashed first. `differs`: another size, to be
 * replaced. `partial`: begun. `cached`: to be copied from the Python library's cache.
 */
export type FileState = "present" | "unverified" | "differs" | "partial" | "cached" | "missing";

export interface PlannedFile extends FileAddress {
  /** Path of the file on the disk. */
  target: string;
  state: FileState;
  /** Bytes of the file that are on the disk, finished or not. */
  bytesHere: number;
}

export interface PlannedRepository {
  repository: string;
  revision: string;
  commit: string | undefined;
  labels: readonly string[];
  licence: string | undefined;
  alternatives: readonly string[];
  /** Repository of the commit: the one asked for, or another that holds the same bytes. */
  servedBy: string;
  /** True if the lock file said everything, and nothing was asked of a source. */
  pinned: boolean;
  repositoryBytes: number | undefined;
  files: PlannedFile[];
}

export interface Plan {
  dir: string;
  repositories: PlannedRepository[];
  notes: string[];
  totalBytes: number;
  /** Bytes still to be written to the disk, and those of them that have to come from the source. */
  writeBytes: number;
  fetchBytes: number;
  /** What a full clone of the same repositories would take; undefined if that of some is not known. */
  cloneBytes: number | undefined;
}

interface PlanOptions {
  dir: string;
  lock: WeightsLock;
  source: WeightSource;
  cache: HuggingFaceCache | undefined;
  /** Nothing may differ from the lock file: what it does not pin is an error, and what is there is hashed. */
  frozen?: boolean;
  /** Asks anew what branches and tags stand for. */
  update?: boolean;
  /** Hashes what is there, also where the lock file vouches for it. */
  rehash?: boolean;
  chunkBytes: number;
  retry: RetryPolicy;
  signal: AbortSignal;
  onWait?: ((wait: ListingWait) => void) | undefined;
}

const REPOSITORIES_AT_ONCE = 4;

/** Throws WeightsUnavailable with the first repository's failure. Makes no request for what the lock file pins. */
export async function planSelection(selection: Selection, options: PlanOptions): Promise<Plan> {
  const queue = new PQueue({ concurrency: REPOSITORIES_AT_ONCE });
  const notes: string[] = [];
  const planned = selection.map((request) => queue.add(() => planRepository(request, options, notes)));
  const repositories = (await Promise.all(planned)).filter((repository) => repository !== undefined);
  const files = repositories.flatMap((repository) => repository.files);
  const missing = files.filter(({ state }) => state !== "present" && state !== "unverified");
  const sum = (list: PlannedFile[]) =>
    list.reduce((total, { size, state, bytesHere }) => {
      return total + size - (state === "partial" ? bytesHere : 0);
    }, 0);
  const clones = repositories.map(({ repositoryBytes }) => repositoryBytes);
  return {
    dir: options.dir,
    repositories,
    notes,
    totalBytes: files.reduce((total, { size }) => total + size, 0),
    writeBytes: sum(missing),
    fetchBytes: sum(missing.filter(({ state }) => state !== "cached")),
    cloneBytes: clones.every((bytes) => bytes !== undefined) ? clones.reduce((a, b) => a + b, 0) : undefined,
  };
}

async function planRepository(
  request: RepositoryRequest,
  options: PlanOptions,
  notes: string[],
): Promise<PlannedRepository> {
  const { repository, labels, licence, alternatives } = request;
  const locked = options.lock.repositories[repository];
  const pinned = locked && pinnedChoice(request, locked, options);
  const revision = request.revision ?? locked?.revision ?? "main";
  const about = { repository, revision, labels, licence, alternatives };
  if (pinned && locked) {
    notes.push(...pinned.notes);
    const { commit: lockedCommit, repositoryBytes, servedBy = repository } = locked;
    const commit = lockedCommit ?? undefined;
    const files = await inspectAll({ repository, commit, choice: pinned, locked, options });
    return { ...about, commit, servedBy, pinned: true, repositoryBytes, files };
  }
  if (options.frozen) throw notPinned(request, locked);

  const keepsPins = locked && !options.update && revision === locked.revision ? locked : undefined;
  const pins = new Map([...request.pins, ...(keepsPins ? lockedHashes(keepsPins) : [])]);
  const wanted = { ...request, wanted: withLocked(request.wanted, locked) };
  const offer = await firstOffer(wanted, candidates(request, revision, keepsPins), pins, options);
  notes.push(...offer.notes);
  const { commit, repositoryBytes } = offer.listing;
  const files = await inspectAll({ repository, commit, choice: offer, locked, options });
  return { ...about, commit, servedBy: offer.servedBy, pinned: false, repositoryBytes, files };
}

/**
 * The repository itself, then those that hold the same bytes, unless a revision is asked for, which they do not know. A lock that
 * pins too little keeps its commit, so that what is there already goes with what comes.
 */
function candidates(request: RepositoryRequest, revision: string, kept: LockedRepository | undefined): Candidate[] {
  const { repository, alternatives } = request;
  const others = request.revision === undefined ? alternatives : [];
  const current = [repository, ...others].map((name, i) => ({
    repository: name,
    revision: i === 0 ? revision : "main",
  }));
  if (!kept?.commit) return current;
  const before = kept.servedBy ?? repository;
  return [{ repository: before, revision: kept.commit }, ...current.filter((other) => other.repository !== before)];
}

function lockedHashes({ files }: LockedRepository): [string, string][] {
  return Object.entries(files).flatMap(([path, { sha256 }]) => (sha256 ? [[path, sha256] as [string, string]] : []));
}

/** What the lock file alone can answer; undefined if it cannot, or may not. */
function pinnedChoice(
  request: RepositoryRequest,
  locked: LockedRepository,
  options: PlanOptions,
): FileChoice | undefined {
  const { revision } = request;
  if (options.update && !options.frozen) return undefined;
  if (revision !== undefined && revision !== locked.revision && revision !== locked.commit) return undefined;
  try {
    return chooseFiles(request.repository, lockedFiles(locked), request.wanted);
  } catch (error) {
    if (error instanceof WeightsUnavailable) return undefined;
    throw error;
  }
}

function notPinned(request: RepositoryRequest, locked: LockedRepository | undefined): WeightsUnavailable {
  const { repository, revision } = request;
  const found = locked
    ? `pins ${repository} at ${locked.revision} with other files than are asked for${revision ? ` at ${revision}` : ""}`
    : `does not name ${repository}`;
  return new WeightsUnavailable("not-pinned", `--frozen: the lock file ${found}`);
}

/** When a repository's pin moves, all its files that were ever selected move with it. */
function withLocked(wanted: WantedFiles, locked: LockedRepository | undefined): WantedFiles {
  const kept = Object.keys(locked?.files ?? {}).filter((path) => !wanted.files.has(path));
  const files = new Map([...kept.map((path) => [path, 0] as const), ...wanted.files]);
  return { ...wanted, files, optional: new Set([...wanted.optional, ...kept]) };
}

interface Inspection {
  repository: string;
  commit: string | undefined;
  choice: FileChoice;
  locked: LockedRepository | undefined;
  options: PlanOptions;
}

async function inspectAll({ repository, commit, choice, locked, options }: Inspection): Promise<PlannedFile[]> {
  const files: PlannedFile[] = [];
  for (const found of choice.files) {
    const file = { ...found, repository, commit };
    const target = pathOnDisk(options.dir, repository, found.path);
    const vouched = locked?.commit === (commit ?? null) && locked?.files[found.path]?.sha256 !== undefined;
    const trusted = vouched && !options.rehash && !options.frozen;
    files.push({ ...file, target, ...(await inspect(file, target, trusted, options)) });
  }
  return files;
}

async function inspect(
  file: FileAddress,
  target: string,
  trusted: boolean,
  { cache, chunkBytes, frozen }: PlanOptions,
): Promise<{ state: FileState; bytesHere: number }> {
  const found = await stat(target).catch(() => undefined);
  if (found?.isFile()) {
    const bytesHere = found.size;
    if (bytesHere === file.size) return { state: trusted ? "present" : "unverified", bytesHere };
    if (!frozen) return { state: "differs", bytesHere };
    await refuseLfsPointer(`--frozen: ${target}`, file.path, target);
    throw new WeightsUnavailable(
      "differs-from-lock",
      `--frozen: ${target} has ${bytesHere} bytes, the lock file says ${file.size}`,
    );
  }
  const bytesHere = await bytesLeftOver(target, partIdentity(file, chunkBytes));
  if (bytesHere > 0) return { state: "partial", bytesHere };
  return { state: (await cache?.has(file)) ? "cached" : "missing", bytesHere: 0 };
}
