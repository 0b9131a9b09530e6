/** A bucket with the files of a models' folder as they lie there, and its lock file at the top. */
import { ObjectStoreError, type S3Store } from "@armature/objects";
import { rangeAnswer } from "../http/byte-range.js";
import { type HttpClient, TEXT_LIMITS } from "../http/http-client.js";
import { LOCK_FILE, lockText, parseLock, type WeightsLock } from "../lock-file.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { listingFromLock } from "./locked-listing.js";
import type { ByteRange, ByteSink, FileAddress, Listing, WeightSource } from "./source.js";

export class S3Bucket implements WeightSource {
  readonly isLocal = false;
  #lock: Promise<WeightsLock> | undefined;

  /** `http` brings the bodies. Both are closed with the bucket. */
  constructor(
    private readonly store: S3Store,
    private readonly http: HttpClient,
  ) {}

  get name(): string {
    return this.store.name;
  }

  async list(repository: string, revision: string, signal: AbortSignal): Promise<Listing> {
    this.#lock ??= this.#requireLock(signal);
    return listingFromLock(await this.#lock, this.name, repository, revision);
  }

  /** The SDK signs the request; the body comes over our own client, whose memory is pooled: 50 MB less are resident. */
  async read(file: FileAddress, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const { url, headers } = await asUnavailable(this.store.signedGet(keyOf(file), range, signal));
    let begun = false;
    const answer = await this.http.stream(url, headers, signal, (answer) => {
      const found = rangeAnswer(answer);
      if (!found) return undefined;
      begun = true;
      sink.begin(found);
      return sink;
    });
    if (!begun) throw refusal(answer.status, `${this.name}: ${keyOf(file)}: answers ${answer.status}`);
  }

  /** The bucket's lock file; undefined if it has none yet. */
  async readLock(signal: AbortSignal): Promise<WeightsLock | undefined> {
    const text = await asUnavailable(this.store.readText(LOCK_FILE, TEXT_LIMITS.bytes, signal));
    return text === undefined ? undefined : parseLock(text, `${this.name}/${LOCK_FILE}`);
  }

  async writeLock(lock: WeightsLock, signal: AbortSignal): Promise<void> {
    await asUnavailable(this.store.writeText(LOCK_FILE, lockText(lock), "application/json", signal));
  }

  /** True if the bucket has this file with this digest, by the metadata that it was stored with. */
  async holds(file: FileAddress, sha256: string, signal: AbortSignal): Promise<boolean> {
    const facts = await asUnavailable(this.store.facts(keyOf(file), signal));
    return facts?.bytes === file.size && facts.metadata.sha256 === sha256;
  }

  /** Stores a file of the disk, a long one in parts. `onBytes` hears the count after each. */
  async storeFile(
    path: string,
    file: FileAddress,
    sha256: string,
    signal: AbortSignal,
    onBytes: (done: number) => void,
  ): Promise<void> {
    const facts = { bytes: file.size, metadata: { sha256 } };
    await asUnavailable(this.store.storeFile(path, keyOf(file), facts, signal, onBytes));
  }

  async close(): Promise<void> {
    this.store.close();
    await this.http.close();
  }

  async #requireLock(signal: AbortSignal): Promise<WeightsLock> {
    const lock = await this.readLock(signal);
    if (lock) return lock;
    throw new WeightsUnavailable("not-pinned", `${this.name} has no ${LOCK_FILE}: fill it with --mirror-to`);
  }
}

const keyOf = ({ repository, path }: FileAddress) => `${repository}/${path}`;

async function asUnavailable<Result>(asked: Promise<Result>): Promise<Result> {
  try {
    return await asked;
  } catch (error) {
    throw error instanceof ObjectStoreError ? refusal(error.status, error.message, error.cause) : error;
  }
}

function refusal(status: number, text: string, cause?: unknown): WeightsUnavailable {
  if (status === 404 || status === 410) return new WeightsUnavailable("missing-file", text, { cause });
  if (status === 408 || status === 416) return new WeightsUnavailable("broken-answer", text, { cause });
  if (status === 401 || status === 403) {
    return new WeightsUnavailable("token-refused", `${text}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`, {
      cause,
    });
  }
  // 503 is S3's "slow down".
  if (status === 429 || status === 503) return new WeightsUnavailable("rate-limited", text, { cause });
  return new WeightsUnavailable(status >= 400 && status < 500 ? "unexpected-answer" : "unreachable", text, { cause });
}
