import { type Blobs, blobName } from "../blobs.js";
import { QueueFull } from "../errors.js";

interface MemoryBlobsOptions {
  /** Of all blobs together. */
  maxBytes: number;
}

/** Seconds after which room may have come: a job's files go when it has been answered. */
const RETRY_AFTER_S = 5;

/** Blobs in this process's memory. */
export class MemoryBlobs implements Blobs {
  readonly #blobs = new Map<string, { bytes: Buffer; owners: Set<string> }>();
  readonly #names = new Map<string, Set<string>>(); // by owner
  #bytes = 0;

  constructor(private readonly options: MemoryBlobsOptions) {}

  async put(bytes: Uint8Array, owner: string): Promise<string> {
    const name = blobName(bytes);
    const blob = this.#blobs.get(name) ?? this.#keep(name, bytes);
    blob.owners.add(owner);
    this.#names.set(owner, (this.#names.get(owner) ?? new Set()).add(name));
    return name;
  }

  async get(name: string): Promise<Buffer> {
    const blob = this.#blobs.get(name);
    if (!blob) throw new Error(`There is no blob ${name}`);
    return blob.bytes;
  }

  async drop(owner: string): Promise<void> {
    for (const name of this.#names.get(owner) ?? []) {
      const { bytes, owners } = this.#blobs.get(name)!;
      owners.delete(owner);
      if (owners.size > 0) continue;
      this.#blobs.delete(name);
      this.#bytes -= bytes.length;
    }
    this.#names.delete(owner);
  }

  #keep(name: string, bytes: Uint8Array) {
    if (this.#bytes + bytes.length > this.options.maxBytes) throw new QueueFull(RETRY_AFTER_S);
    const blob = { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), owners: new Set<string>() };
    this.#blobs.set(name, blob);
    this.#bytes += bytes.length;
    return blob;
  }
}
