/** Brings the missing bytes of a part file from one source, over several connections, and hashes them as they settle. */
import type { DownloadContext } from "./download-context.js";
import type { Digests } from "./file-hash.js";
import type { HashingFile } from "./hash-thread.js";
import { Lanes } from "./lanes.js";
import type { PartFile } from "./part-file.js";
import type { FileAddress, WeightSource } from "./sources/source.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

/** New bytes without a gap before the hash goes on. */
const HASH_STEP_BYTES = 16 * 2 ** 20;

/** Returns the digests of the whole file, old bytes and new. Throws what the source threw last when it could not go on. */
export async function transfer(
  file: FileAddress,
  part: PartFile,
  source: WeightSource,
  context: DownloadContext,
): Promise<Digests> {
  const hashing = await context.hasher.open(part.path, part.size);
  try {
    const follower = new HashFollower(hashing, part);
    follower.follow();
    const onBytes = () => {
      follower.follow();
      context.emit({ kind: "bytes", file, done: part.bytesDone });
    };
    const lanes = new Lanes({ file, part, source, context, onBytes });
    await lanes.run().catch((error) => {
      throw context.signal.aborted ? error : withKept(error, file, part);
    });
    return await follower.digests();
  } finally {
    await hashing.close();
  }
}

/** The message of a lost connection says what was gained. */
function withKept(failure: unknown, { repository, path }: FileAddress, part: PartFile): unknown {
  if (!(failure instanceof WeightsUnavailable) || !failure.worthRetrying) return failure;
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const kept = `${megabytes(part.bytesDone)} of ${megabytes(part.size)} MB are kept; the same command goes on from there`;
  return new WeightsUnavailable(failure.reason, `${repository}/${path}: ${failure.message}. ${kept}`, {
    cause: failure,
    retryAfterS: failure.retryAfterS,
  });
}

/** Lets the hash run behind the part of the file that has no gap. */
class HashFollower {
  #hashed = 0;
  #running: Promise<void> | undefined;
  #failure: unknown;

  constructor(
    private readonly hashing: HashingFile,
    private readonly part: PartFile,
  ) {}

  follow(): void {
    const to = this.part.prefix;
    if (this.#running || this.#failure !== undefined || to - this.#hashed < HASH_STEP_BYTES) return;
    this.#running = this.#advance(to).catch((error) => {
      this.#failure = error;
    });
  }

  async digests(): Promise<Digests> {
    while (this.#running) await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
    await this.hashing.advance(this.part.size);
    return this.hashing.digests();
  }

  async #advance(to: number): Promise<void> {
    try {
      await this.hashing.advance(to);
      this.#hashed = to;
    } finally {
      this.#running = undefined;
    }
    this.follow();
  }
}
