import { Cancelled, unlessAborted } from "@armature/core";

/** Work that several jobs wait for, aborted when the last of them has left. */
export class SharedWork<T> {
  readonly #controller = new AbortController();
  readonly #result: Promise<T>;
  #waiting = 0;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#result = work(this.#controller.signal);
    this.#result.catch(() => {}); // nobody may be left to hear of it
  }

  /** True once everybody has left: a job that comes now must begin anew. */
  get isAbandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  /** The result, for somebody who leaves when `signal` aborts. */
  async join(signal: AbortSignal): Promise<T> {
    this.#waiting++;
    try {
      return await unlessAborted(this.#result, signal);
    } finally {
      this.#waiting--;
      if (this.#waiting === 0) this.#controller.abort(new Cancelled());
    }
  }
}
