/** Remembers control images by what made them, so that one picture is annotated once for many generations. */
import { createHash } from "node:crypto";
import type { AnnotationAnswer } from "./preprocessor-client.js";
import { SharedWork } from "./shared-work.js";

export interface CacheObserver {
  hit(): void;
  miss(): void;
}

interface ControlCacheOptions {
  /** Of the files; pixels are not kept. */
  maxBytes: number;
  observer: CacheObserver;
}

type Make = (signal: AbortSignal) => Promise<AnnotationAnswer>;

export class ControlCache {
  private readonly files = new Map<string, Buffer>(); // least recently used first
  private readonly running = new Map<string, SharedWork<Buffer>>();
  private bytes = 0;

  constructor(private readonly options: ControlCacheOptions) {}

  /**
   * The file for `key`; `make` is called only if there is none and nobody is making it. Failures are not remembered. Leaving, by
   * `signal`, ends the making if nobody else waits for it.
   */
  async get(key: string, make: Make, signal: AbortSignal): Promise<Buffer> {
    const { observer } = this.options;
    const known = this.files.get(key);
    if (known) {
      observer.hit();
      this.files.delete(key);
      this.files.set(key, known);
      return known;
    }
    const running = this.running.get(key);
    if (running && !running.isAbandoned) {
      observer.hit();
      return running.join(signal);
    }
    observer.miss();
    return this.begin(key, make).join(signal);
  }

  private begin(key: string, make: Make): SharedWork<Buffer> {
    const work = new SharedWork(async (signal) => {
      try {
        const { file } = await make(signal);
        this.keep(key, file);
        return file;
      } finally {
        if (this.running.get(key) === work) this.running.delete(key);
      }
    });
    this.running.set(key, work);
    return work;
  }

  private keep(key: string, file: Buffer): void {
    const { maxBytes } = this.options;
    if (file.length > maxBytes) return;
    this.files.set(key, file);
    this.bytes += file.length;
    for (const [oldest, { length }] of this.files) {
      if (this.bytes <= maxBytes) return;
      this.files.delete(oldest);
      this.bytes -= length;
    }
  }
}

/** A key that is equal exactly if picture, processor and options are. */
export function controlKey(picture: Uint8Array, processor: string, options: Readonly<Record<string, unknown>>): string {
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash("sha256")
    .update(JSON.stringify([processor, sorted]))
    .update("\0")
    .update(picture);
  return hash.digest("base64");
}
