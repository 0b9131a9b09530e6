/** One call of `Engine.run`, from the side of the caller: a promise that is settled once. */

export interface CallOptions<Progress = unknown> {
  /** Ends the call early: at once if it waits, else at its next checkpoint. */
  signal?: AbortSignal | undefined;
  onProgress?: ((event: Progress) => void) | undefined;
}

export class PendingCall {
  readonly promise: Promise<unknown>;
  /** The engine has begun with it, so it may have had effects and is not tried again. */
  started = false;
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
