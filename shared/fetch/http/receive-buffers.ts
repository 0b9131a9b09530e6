/**
 * Memory for receiving, used again and again. A socket normally gets a new 64 KB buffer for every read: at a gigabyte a second
 * that costs more than the copying itself (0.84 s of CPU a GB against 0.35), and garbage stands in memory until it is collected.
 * Here a socket reads into slabs of a pool; a slab goes back when all bytes that were taken from it have been written.
 */

const SLAB_BYTES = 1024 * 1024;
/** Longest read, and the shortest for which the rest of a slab is still used. */
const READ_BYTES = 256 * 1024;
const LEAST_READ_BYTES = 32 * 1024;
/** What undici may leave unread in a socket; with one read it must stay below a slab, see `socketReader`. */
export const SOCKET_HIGH_WATER_MARK = 64 * 1024;

interface Slab {
  bytes: Buffer;
  /** Pieces handed out and not yet given back. */
  taken: number;
  /** No socket reads into it any more. */
  full: boolean;
}

/** The part of node:net's and node:tls's options that receives into given memory. */
interface OnRead {
  buffer(): Buffer;
  callback(this: SocketLike, count: number, buffer: Buffer): boolean;
}

interface SocketLike {
  push(bytes: Buffer): boolean;
}

export class ReceiveBuffers {
  readonly #free: Slab[] = [];
  readonly #byMemory = new WeakMap<ArrayBufferLike, Slab>();

  /** `onread` for one socket. */
  socketReader(): OnRead {
    let current = this.#take();
    let previous: Slab | undefined;
    let filled = 0;
    return {
      buffer: () => {
        if (SLAB_BYTES - filled < LEAST_READ_BYTES) {
          // What was just pushed has not been read yet. One slab later it has: the socket stops at its high-water mark.
          if (previous) this.#retire(previous);
          previous = current;
          current = this.#take();
          filled = 0;
        }
        return current.bytes.subarray(filled, Math.min(SLAB_BYTES, filled + READ_BYTES));
      },
      callback(count, buffer) {
        filled += count;
        return this.push(buffer.subarray(0, count));
      },
    };
  }

  /** Keeps the memory of `piece` until the function that is returned has been called. */
  hold(piece: Uint8Array): () => void {
    const slab = this.#byMemory.get(piece.buffer);
    if (!slab) return () => {};
    slab.taken++;
    return () => {
      slab.taken--;
      this.#reuse(slab);
    };
  }

  #take(): Slab {
    const slab = this.#free.pop() ?? this.#allocate();
    slab.full = false;
    return slab;
  }

  #allocate(): Slab {
    const slab = { bytes: Buffer.allocUnsafeSlow(SLAB_BYTES), taken: 0, full: false };
    this.#byMemory.set(slab.bytes.buffer, slab);
    return slab;
  }

  #retire(slab: Slab): void {
    slab.full = true;
    this.#reuse(slab);
  }

  #reuse(slab: Slab): void {
    if (slab.full && slab.taken === 0) {
      slab.full = false;
      this.#free.push(slab);
    }
  }
}
