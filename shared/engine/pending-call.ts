/** One call of `Engine.run`, from the side of the caller: a promise that is settled once. */
import type { Allowance } from "./awaited.js";

/**
 * How long a call may take until its next event. Asked when the process gets the call, then with each event. `nowMs` counts the
 * time in which this machine is awake, from an arbitrary start.
 */
export type Allow<Progress = unknown> = (event: Progress | undefined, nowMs: number) => Allowance;

export interface CallOptions<Progress = unknown> {
  /** Ends the call early: at once if it waits, else at its next checkpoint. */
  signal?: AbortSignal | undefined;
  onProgress?: ((event: Progress) => void) | undefined;
  /** A call that takes longer hangs: its process is killed. Undefined: it may take any time, if its process lives. */
  allow?: Allow<Progress> | undefined;
}

export class PendingCall {
  readonly promise: Promise<unknown>;
  /** The engine has begun with it, so it is not tried again, unless its allowance says so. */
  started = false;
  allowance: Allowance | undefined;
  /** How often it was handed to an engine process. */
  attempts = 0;
  #resolve!: (result: unknown) => void;
  #reject!: (error: unknown) => void;
  readonly #onAbort: () => void;

  constructor(
    readonly id: number,
    readonly kind: string,
    readonly payload: unknown,
    readonly options: CallOptions,
    onAbort: (call: PendingCall) => void,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#onAbort = () => onAbort(this);
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** What it may take now. */
  allow(event: unknown, nowMs: number): Allowance | undefined {
    this.allowance = this.options.allow?.(event, nowMs);
    return this.allowance;
  }

  /** Whether it can be run anew as if it had not been. */
  get repeatable(): boolean {
    return !this.started || (this.allowance?.repeatable ?? false);
  }

  get aborted(): boolean {
    return this.options.signal?.aborted ?? false;
  }

  resolve(result: unknown): void {
    this.#release();
    this.#resolve(result);
  }

  reject(error: unknown): void {
    this.#release();
    this.#reject(error);
  }

  #release(): void {
    this.options.signal?.removeEventListener("abort", this.#onAbort);
  }
}
