/** Which repository offers what a request asks for: the one that it names or, where that is gone, the next that holds the same bytes. */
import { looksLikeWeights } from "@armature/weights";
import type { FileHash } from "./file-hash.js";
import { type RetryPolicy, withRetries } from "./retry.js";
import { chooseFiles, type FileChoice } from "./select-files.js";
import type { RepositoryRequest } from "./selection.js";
import type { Listing, RemoteFile, WeightSource } from "./sources/source.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

interface Offer extends FileChoice {
  listing: Listing;
  /** The repository that the listing is of. */
  servedBy: string;
}

/** A listing that could not be had at once. */
export interface ListingWait {
  repository: string;
  message: string;
  waitMs: number;
}

interface OfferOptions {
  source: WeightSource;
  retry: RetryPolicy;
  signal: AbortSignal;
  onWait?: ((wait: ListingWait) => void) | undefined;
}

/** What to ask which repository for; the first is the one that a fresh request names. */
export interface Candidate {
  repository: string;
  revision: string;
}

/**
 * The first candidate's offer, or the next one's where that is gone or has other bytes. `pins`: path → sha256, known beforehand.
 * A later candidate counts only if every file of weights in its offer is pinned. Throws WeightsUnavailable.
 */
export async function firstOffer(
  request: RepositoryRequest,
  candidates: readonly Candidate[],
  pins: ReadonlyMap<string, string>,
  options: OfferOptions,
): Promise<Offer> {
  const failures: WeightsUnavailable[] = [];
  for (const candidate of candidates) {
    try {
      const offer = await offerOf(request, candidate, pins, options);
      if (candidate !== candidates[0]) requirePins(offer, pins);
      return failures[0] ? { ...offer, notes: [...offer.notes, moved(failures[0], candidate)] } : offer;
    } catch (error) {
      const mayBeElsewhere = error instanceof WeightsUnavailable && (error.isGone || error.reason === "corrupt");
      if (!mayBeElsewhere) throw error;
      failures.push(error);
    }
  }
  throw together(request, failures);
}

async function offerOf(
  request: RepositoryRequest,
  { repository, revision }: Candidate,
  pins: ReadonlyMap<string, string>,
  { source, retry, signal, onWait }: OfferOptions,
): Promise<Offer> {
  const listing = await withRetries(retry, signal, () => source.list(repository, revision, signal), {
    onRetry: ({ message }, waitMs) => onWait?.({ repository, message, waitMs }),
  });
  const { files, notes } = chooseFiles(repository, listing.files, request.wanted);
  return { listing, files: files.map((file) => pinned(file, pins, repository)), notes, servedBy: repository };
}

/** The file under its pinned hash. Throws WeightsUnavailable if the listing names another. */
function pinned(file: RemoteFile, pins: ReadonlyMap<string, string>, repository: string): RemoteFile {
  const sha256 = pins.get(file.path);
  if (sha256 === undefined) return file;
  const offered = file.hash?.sha256;
  if (offered !== undefined && offered !== sha256) {
    throw new WeightsUnavailable(
      "corrupt",
      `${repository}/${file.path}: sha256 ${offered} is offered, but sha256 ${sha256} is pinned`,
    );
  }
  const hash: FileHash = { sha256 };
  return { ...file, hash };
}

function requirePins({ files, servedBy }: Offer, pins: ReadonlyMap<string, string>): void {
  const unknown = files.find(({ path }) => looksLikeWeights(path) && !pins.has(path));
  if (!unknown) return;
  throw new WeightsUnavailable("missing-file", `${servedBy}/${unknown.path}: no hash of it is pinned to compare with`);
}

function moved(failure: WeightsUnavailable, { repository }: Candidate): string {
  return `${failure.message}; ${repository} has the same weights, by their hashes`;
}

/** All failures in one: what the first repository says, and what each other one says. */
function together({ alternatives }: RepositoryRequest, failures: readonly WeightsUnavailable[]): WeightsUnavailable {
  const [first, ...others] = failures as [WeightsUnavailable, ...WeightsUnavailable[]];
  if (alternatives.length === 0) return first;
  const also = others.map(({ message }) => `; ${message}`).join("");
  const advice = `The same files are known as ${alternatives.join(", ")}: ask for one of these by name`;
  return new WeightsUnavailable(first.reason, `${first.message}${also}. ${advice}`, { cause: first });
}
