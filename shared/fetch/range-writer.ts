/** Puts the bytes of one answer into a part file: gathers them into larger writes, at most one under way. */
import { MAX_POINTER_BYTES } from "@armature/weights";
import type { PartFile } from "./part-file.js";
import type { Answer, ByteRange, ByteSink } from "./sources/source.js";
import { asDiskError } from "./target.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

/**
 * Bytes gathered before a write, and those that may wait while one is under way before the source is asked to pause. Each write
 * wakes a thread, which costs 0.1 ms on a virtual machine: half a megabyte keeps that at a fifth of the write itself.
 */
const WRITE_BYTES = 512 * 1024;
const WAITING_BYTES = 1024 * 1024;
/** Milliseconds after which received bytes are written though they are few, so that on a slow line they count as arrived. */
const WRITE_MS = 250;

interface RangeWriterHooks {
  /** Called once, before the first byte. */
  onBegin(answer: Answer): void;
  /** Bytes that were not there before are on the disk. */
  onBytes(): void;
}

export class RangeWriter implements ByteSink {
  #position: number;
  #end: number;
  #pieces: Uint8Array[] = [];
  #releases: (() => void)[] = [];
  #gathered = 0;
  #writing: Promise<void> | undefined;
  #writtenAt = performance.now();
  #failure: WeightsUnavailable | undefined;

  constructor(
    private readonly part: PartFile,
    range: ByteRange,
    private readonly hooks: RangeWriterHooks,
  ) {
    this.#position = range.start;
    this.#end = range.end;
  }

  begin(answer: Answer): void {
    const { start, whole, total } = answer;
    if (total !== undefined && total !== this.part.size) {
      throw new WeightsUnavailable(
        "broken-answer",
        `the file there has ${total} bytes, not ${this.part.size}${hint(total)}`,
      );
    }
    if (whole) {
      this.#position = 0;
      this.#end = this.part.size;
    } else if (start !== this.#position) {
      throw new WeightsUnavailable(
        "broken-answer",
        `bytes from ${this.#position} on were asked for, not from ${start}`,
      );
    }
    this.hooks.onBegin(answer);
  }

  write(bytes: Uint8Array, done?: () => void): Promise<void> | undefined {
    if (this.#failure) throw this.#failure;
    if (this.#position + this.#gathered + bytes.length > this.#end) {
      throw new WeightsUnavailable("broken-answer", "more bytes come than were asked for");
    }
    this.#pieces.push(bytes);
    if (done) this.#releases.push(done);
    this.#gathered += bytes.length;
    const isDue = this.#gathered >= WRITE_BYTES || performance.now() - this.#writtenAt >= WRITE_MS;
    if (!this.#writing && isDue) this.#flush();
    return this.#gathered >= WAITING_BYTES ? this.#writing : undefined;
  }

  /** Writes what is left. Throws WeightsUnavailable if a write failed, or the answer ended before its last byte. */
  async finish(): Promise<void> {
    await this.settle();
    if (this.#position < this.#end) {
      throw new WeightsUnavailable("unreachable", `the answer ended ${this.#end - this.#position} bytes early`);
    }
  }

  /** Writes what has come so far, also where the source has failed: it need not come again. */
  async settle(): Promise<void> {
    await this.#writing;
    if (this.#gathered > 0) this.#flush();
    await this.#writing;
    if (this.#failure) throw this.#failure;
  }

  #flush(): void {
    const pieces = this.#pieces;
    const releases = this.#releases;
    const position = this.#position;
    this.#position += this.#gathered;
    this.#pieces = [];
    this.#releases = [];
    this.#gathered = 0;
    this.#writtenAt = performance.now();
    this.#writing = this.part
      .write(pieces, position)
      .then(
        (grown) => {
          if (grown > 0) this.hooks.onBytes();
        },
        (error) => {
          this.#failure ??= asDiskError(error, this.part.path);
        },
      )
      .then(() => {
        for (const release of releases) release();
        this.#writing = undefined;
        if (this.#gathered >= WRITE_BYTES && !this.#failure) this.#flush();
      });
  }
}

/** What a mirror that was filled by a clone without Git LFS serves in place of large files. */
function hint(total: number): string {
  return total <= MAX_POINTER_BYTES ? ': perhaps a Git LFS pointer, where "git lfs pull" was never run' : "";
}
