/** A job that this process works on: its followers, what was begun for it, and how to end that. */
import type { JobSpec } from "./job.js";

export class LiveJob {
  /** Aborted when the job is cancelled or refused, or when its store fails. */
  readonly controller = new AbortController();
  readonly ended: Promise<void>;
  /** What the job needs, once that is being gathered. */
  prepared: Promise<unknown> | undefined;
  /** What the slot works on, once that is being made. */
  unpacked: Promise<unknown> | undefined;
  /** When the job was ready, by the clock. */
  readyMs: number;
  /** The job's last event is being kept; no other may follow. */
  isEnding = false;
  hasEnded = false;
  /** The failure of the store that keeps from saying how the job went on. */
  brokenBy: Error | undefined;
  followers = 0;
  /** Bytes of the files that came with the job, of the files that it made, and of its last event. */
  bytes = 0;
  /** The time to read the result is over. */
  isExpired = false;
  stopTimer = () => {};
  readonly #endings: (() => void)[] = [];
  #startedMs: number | undefined;
  #wasFollowed = false;
  #resolveEnded!: () => void;
  #change!: Promise<void>;
  #announce!: () => void;

  constructor(
    readonly id: string,
    readonly spec: JobSpec,
    readonly arrivedMs: number,
  ) {
    this.readyMs = arrivedMs;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#expectChange();
  }

  get waits(): boolean {
    return this.#startedMs === undefined && !this.isEnding;
  }

  /** Milliseconds between ready and started; 0 while the job waits. */
  get queueMs(): number {
    return Math.max(0, (this.#startedMs ?? 0) - this.readyMs);
  }

  /** Nobody reads the job any more. A detached one may be read until it expires, any other until its first followers have left. */
  get isForgettable(): boolean {
    const wasRead = this.#wasFollowed && !this.spec.detached;
    return this.hasEnded && this.followers === 0 && (wasRead || this.isExpired);
  }

  join(): void {
    this.followers++;
    this.#wasFollowed = true;
  }

  start(nowMs: number): void {
    this.stopTimer();
    this.#startedMs = nowMs;
  }

  /** Ends what is done for the job, because the store has failed. */
  breakOff(error: Error): void {
    this.brokenBy ??= error;
    this.controller.abort(error);
  }

  end(): void {
    this.stopTimer();
    this.letGo();
    this.hasEnded = true;
    for (const callback of this.#endings.splice(0)) callback();
    this.#resolveEnded();
  }

  /** Calls back when the job has ended: at once if it has. */
  onEnd(callback: () => void): void {
    if (this.hasEnded) callback();
    else this.#endings.push(callback);
  }

  /** Frees the memory of what the job needed. */
  letGo(): void {
    this.prepared = undefined;
    this.unpacked = undefined;
  }

  /** Resolves when there is something new to tell: an event, a place in the queue. */
  nextChange(): Promise<void> {
    return this.#change;
  }

  changed(): void {
    const announce = this.#announce;
    this.#expectChange();
    announce();
  }

  #expectChange(): void {
    this.#change = new Promise((resolve) => {
      this.#announce = resolve;
    });
  }
}
