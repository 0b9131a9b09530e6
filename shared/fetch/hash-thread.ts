/**
 * Hashes files in a thread, behind the writing: at 1.8 GB/s SHA-256 would otherwise take half of the time of the thread that
 * receives. The bytes are read back from the page cache, so ranges may arrive in any order, a resumed file is hashed
 * whole, and what was hashed is what lies on the disk.
 */
import { Worker } from "node:worker_threads";
import type { Digests } from "./file-hash.js";

type Order =
  | { kind: "open"; path: string; bytes: number }
  | { kind: "advance"; to: number }
  | { kind: "digests" }
  | { kind: "close" };

export type HashRequest = { id: number; file: number } & Order;

export interface HashReply {
  id: number;
  digests?: Digests;
  /** `code` where the file system gave one. */
  error?: { message: string; code: string | undefined };
}

/** A thread runs built code, also where a test runs the sources. */
const WORKER = import.meta.url.endsWith(".ts") ? "./dist/hash-worker.js" : "./hash-worker.js";

interface Pending {
  resolve(reply: HashReply): void;
  reject(error: Error): void;
}

export class HashThread {
  #worker: Worker | undefined;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  /** Starts the thread ahead of its first use, which takes 50 ms. */
  start(): Worker {
    this.#worker ??= this.#launch();
    return this.#worker;
  }

  /** Begins to hash the file at `path`, `bytes` long. */
  async open(path: string, bytes: number): Promise<HashingFile> {
    const file = ++this.#lastId;
    await this.#ask(file, { kind: "open", path, bytes });
    return new HashingFile((order) => this.#ask(file, order));
  }

  /** Digests of a whole file on the disk. `onBytes` hears how far it is. Rejects when `signal` aborts. */
  async digestFile(
    path: string,
    bytes: number,
    signal: AbortSignal,
    onBytes?: (done: number) => void,
  ): Promise<Digests> {
    const file = await this.open(path, bytes);
    try {
      for (let done = 0; done < bytes; ) {
        signal.throwIfAborted();
        done = Math.min(bytes, done + PROGRESS_BYTES);
        await file.advance(done);
        onBytes?.(done);
      }
      return await file.digests();
    } finally {
      await file.close();
    }
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(file: number, order: Order): Promise<HashReply> {
    const worker = this.start();
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      worker.ref(); // an answer is due: the process must not end before it
      worker.postMessage({ ...order, id, file });
    });
  }

  #launch(): Worker {
    const worker = new Worker(new URL(WORKER, import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: 4 } });
    worker.on("message", (reply: HashReply) => {
      const pending = this.#pending.get(reply.id);
      this.#pending.delete(reply.id);
      if (this.#pending.size === 0) worker.unref();
      if (reply.error === undefined) pending?.resolve(reply);
      else pending?.reject(hashingFailed(reply.error));
    });
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", () => this.#fail(new Error("the hashing thread has ended")));
    worker.unref();
    return worker;
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function hashingFailed({ message, code }: NonNullable<HashReply["error"]>): Error {
  return Object.assign(new Error(`hashing failed: ${message}`), { code });
}

const PROGRESS_BYTES = 64 * 2 ** 20;

/** One file that is being hashed from its beginning. */
export class HashingFile {
  #open = true;

  constructor(private readonly ask: (order: Order) => Promise<HashReply>) {}

  /** Hashes up to byte `to`: all before it must be on the disk. */
  async advance(to: number): Promise<void> {
    await this.ask({ kind: "advance", to });
  }

  /** The digests of what was hashed; ends the hashing. */
  async digests(): Promise<Digests> {
    this.#open = false;
    const { digests } = await this.ask({ kind: "digests" });
    if (!digests) throw new Error("the hashing thread gave no digests");
    return digests;
  }

  /** Ends the hashing without a result; does nothing after `digests`. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.ask({ kind: "close" });
  }
}
