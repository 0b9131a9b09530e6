/** The decoder processes of this process: started when a picture needs one, kept for the next, ended when none comes. */
import { unlessAborted } from "@armature/core";
import { type Decoded, type DecodeLimitsMs, DecoderProcess } from "./decoder-process.js";
import type { DecodeOrder } from "./messages.js";

/** Decoders at once: with two, a picture that takes long does not keep the others waiting; the engine needs the other cores. */
const MAX_PROCESSES = 2;
/** A process holds about 75 MB (28 MB of its own, the rest is code), and takes 0.2 to 0.4 s to start. */
const IDLE_MS = 300_000;

export class DecoderPool {
  readonly #idle: DecoderProcess[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly start = () => new DecoderProcess(),
    private readonly idleMs = IDLE_MS,
  ) {}

  /** Decodes when a process is free. Rejects with what the decoder says, DecoderCrashed, or `signal`'s reason, at once. */
  async decode(order: DecodeOrder, file: Uint8Array, limits: DecodeLimitsMs): Promise<Decoded> {
    await this.#turn(limits.signal);
    const done = this.#decode(order, file, limits);
    return limits.signal ? unlessAborted(done, limits.signal) : done;
  }

  async #decode(order: DecodeOrder, file: Uint8Array, limits: DecodeLimitsMs): Promise<Decoded> {
    let decoder: DecoderProcess | undefined;
    try {
      decoder = this.#rested() ?? this.start();
      return await decoder.decode(order, file, limits);
    } finally {
      if (decoder && !decoder.ended) this.#idle.push(decoder);
      this.#pass();
    }
  }

  /** A decoder that waits for work, and has not ended meanwhile. */
  #rested(): DecoderProcess | undefined {
    let decoder = this.#idle.pop();
    while (decoder?.ended) decoder = this.#idle.pop();
    return decoder;
  }

  /** Waits for one's turn; clients come in order. */
  #turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#busy < MAX_PROCESSES) {
      this.#busy++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        reject(signal?.reason);
      };
      this.#waiting.push(begin);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Gives the turn to the next one. */
  #pass(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#busy--;
    this.#idleTimer ??= setTimeout(() => this.#endIdle(), this.idleMs).unref();
    this.#idleTimer.refresh();
  }

  #endIdle(): void {
    for (const decoder of this.#idle.splice(0)) decoder.kill();
  }
}

export const decoders = new DecoderPool();
