/** The connections that bring the missing chunks of one file: each takes the next chunk when it has finished one. */
import type { DownloadContext } from "./download-context.js";
import type { PartFile } from "./part-file.js";
import { RangeWriter } from "./range-writer.js";
import { withRetries } from "./retry.js";
import type { Answer, FileAddress, WeightSource } from "./sources/source.js";

interface LanesOptions {
  file: FileAddress;
  part: PartFile;
  source: WeightSource;
  context: DownloadContext;
  /** Called whenever new bytes have settled in the part file. */
  onBytes(): void;
}

export class Lanes {
  readonly #options: LanesOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #chunks: number[];
  readonly #running: Promise<void>[] = [];
  #failure: unknown;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.context.signal, this.#stop.signal]);
    this.#chunks = options.part.missingChunks();
  }

  /** Resolves when every chunk has come. Throws the context's reason to stop, else what failed first. */
  async run(): Promise<void> {
    this.#start();
    await this.#running[0];
    await Promise.all(this.#running);
    this.#options.context.signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The first lane that fails stops the others. */
  #start(): void {
    const running = this.#bringChunks().catch((error) => {
      this.#failure ??= error;
      this.#stop.abort(error);
    });
    this.#running.push(running);
  }

  async #bringChunks(): Promise<void> {
    const { file, part, context } = this.#options;
    for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
      const current = chunk;
      // The queue is not told of the signal: it would let go of an attempt that still writes what it has received.
      const onConnection = () => context.connections.add(() => this.#attempt(current));
      await withRetries(context.tuning.retry, this.#signal, onConnection, {
        progress: () => part.bytesDone,
        onRetry: ({ message }, waitMs) => context.emit({ kind: "retry", file, message, waitMs }),
      });
    }
  }

  async #attempt(chunk: number): Promise<void> {
    const { file, part, source, onBytes } = this.#options;
    this.#signal.throwIfAborted();
    const range = part.missing(chunk);
    if (!range) return;
    const writer = new RangeWriter(part, range, { onBegin: (answer) => this.#joinIn(answer), onBytes });
    try {
      await source.read(file, range, writer, this.#signal);
      await writer.finish();
    } catch (error) {
      await writer.settle().catch(() => undefined);
      throw error;
    }
  }

  /** One connection finds out where the file is, and whether ranges of it can be had; then the others join it. */
  #joinIn({ whole }: Answer): void {
    if (whole || this.#running.length > 1) return;
    for (let i = 1; i < this.#options.context.tuning.connectionsPerFile; i++) this.#start();
  }
}
