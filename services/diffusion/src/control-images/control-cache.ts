/** Remembers control images by what made them, so that one picture is annotated once for many generations. */
import { createHash } from "node:crypto";

export interface CacheObserver {
  hit(): void;
  miss(): void;
}

export class ControlCache {
  private readonly files = new Map<string, Buffer>(); // least recently used first
  private readonly running = new Map<string, Promise<Buffer>>();
  private bytes = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly observer: CacheObserver,
  ) {}

  /** The file for `key`; `make` is called only if there is none and nobody is making it. Failures are not remembered. */
  async get(key: string, make: () => Promise<Buffer>): Promise<Buffer> {
    const known = this.files.get(key);
    if (known) {
      this.observer.hit();
      this.files.delete(key);
      this.files.set(key, known);
      return known;
    }
    const running = this.running.get(key);
    if (running) {
      this.observer.hit();
      return running;
    }
    this.observer.miss();
    const made = make();
    this.running.set(key, made);
    try {
      const file = await made;
      this.keep(key, file);
      return file;
    } finally {
      this.running.delete(key);
    }
  }

  private keep(key: string, file: Buffer): void {
    if (file.length > this.maxBytes) return;
    this.files.set(key, file);
    this.bytes += file.length;
    for (const [oldest, { length }] of this.files) {
      if (this.bytes <= this.maxBytes) return;
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
