/** The files of jobs in this process's memory. */
import type { ByteBudget, Reservation } from "@armature/core";
import { type Blobs, blobName } from "../blobs.js";

interface Kept {
  bytes: Buffer;
  owners: Set<string>;
  held: Reservation;
}

/** Blobs in this process's memory, held against a budget. */
export class MemoryBlobs implements Blobs {
  readonly #budget: ByteBudget;
  readonly #blobs = new Map<string, Kept>();
  readonly #names = new Map<string, Set<string>>(); // by owner

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  async put(bytes: Uint8Array, owner: string): Promise<string> {
    return this.#keep(bytes, owner, () => this.#budget.reserve(bytes.length));
  }

  async putMade(bytes: Uint8Array, owner: string): Promise<string> {
    return this.#keep(bytes, owner, () => this.#budget.hold(bytes.length));
  }

  async get(name: string): Promise<Buffer> {
    const blob = this.#blobs.get(name);
    if (!blob) throw new Error(`There is no blob ${name}`);
    return blob.bytes;
  }

  async drop(owner: string): Promise<void> {
    for (const name of this.#names.get(owner) ?? []) {
      const { held, owners } = this.#blobs.get(name)!;
      owners.delete(owner);
      if (owners.size > 0) continue;
      this.#blobs.delete(name);
      held.release();
    }
    this.#names.delete(owner);
  }

  #keep(bytes: Uint8Array, owner: string, hold: () => Reservation): string {
    const name = blobName(bytes);
    const blob = this.#blobs.get(name) ?? {
      bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
      owners: new Set(),
      held: hold(),
    };
    this.#blobs.set(name, blob);
    blob.owners.add(owner);
    this.#names.set(owner, (this.#names.get(owner) ?? new Set()).add(name));
    return name;
  }
}
