/** Bytes that many requests hold at once: each reserves before it holds, and is refused with the sums where there is no room. */
import { BudgetFull, Cancelled, OverBudget } from "./errors.js";

interface ByteBudgetOptions {
  /** What the bytes are, for messages, such as `bodies and encoded pictures`. */
  what: string;
  /** Bytes that all holders together may hold. */
  limitBytes: number;
  /** Bytes that one client may hold, so that none holds everything; default the limit. */
  perClientBytes?: number;
}

/** Bytes that somebody holds until `release`. */
export interface Reservation {
  readonly bytes: number;
  /** Changes the number of bytes that are held. Throws as `reserve` does, and then holds what it held. */
  resize(bytes: number): void;
  /** Gives all back; a second call does nothing. */
  release(): void;
}

interface Waiting {
  bytes: number;
  admit(): void;
}

/** Seconds after which room may have come. */
const RETRY_AFTER_S = 2;

export class ByteBudget {
  readonly limitBytes: number;
  readonly perClientBytes: number;
  readonly #what: string;
  readonly #byClient = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #heldBytes = 0;

  constructor({ what, limitBytes, perClientBytes = limitBytes }: ByteBudgetOptions) {
    this.#what = what;
    this.limitBytes = limitBytes;
    this.perClientBytes = perClientBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Throws OverBudget for what could not even be held alone. */
  requireFit(bytes: number, client?: string): void {
    const isShare = client !== undefined && this.perClientBytes < this.limitBytes;
    const limit = isShare ? this.perClientBytes : this.limitBytes;
    if (bytes <= limit) return;
    const whose = isShare ? "one client" : "all requests together";
    throw new OverBudget(
      `The request needs ${megabytes(bytes)} for ${this.#what}; ${whose} may hold ${megabytes(limit)}`,
    );
  }

  /** Holds the bytes at once. Throws OverBudget, or BudgetFull where others must give back first. */
  reserve(bytes: number, client?: string): Reservation {
    const held = new Held((from, to) => this.#change(from, to, client));
    held.resize(bytes);
    return held;
  }

  /** Holds the bytes of what is there already, such as the result of work: they are counted, and keep others out. */
  hold(bytes: number): Reservation {
    const held = new Held((from, to) => this.#count(from, to, undefined));
    held.resize(bytes);
    return held;
  }

  /** Holds the bytes when its turn has come: in the order of calls. Throws OverBudget, or Cancelled when `signal` aborts. */
  async reserveInTurn(bytes: number, signal: AbortSignal): Promise<Reservation> {
    this.requireFit(bytes);
    if (signal.aborted) throw new Cancelled();
    if (this.#waiting.length === 0 && this.#hasRoom(bytes)) return this.reserve(bytes);
    return this.#turn(bytes, signal);
  }

  #change(from: number, to: number, client: string | undefined): void {
    if (to > from) this.#requireRoom(to, to - from, client);
    this.#count(from, to, client);
  }

  #count(from: number, to: number, client: string | undefined): void {
    this.#heldBytes += to - from;
    if (client !== undefined) {
      const left = this.#heldBy(client) + to - from;
      if (left > 0) this.#byClient.set(client, left);
      else this.#byClient.delete(client);
    }
    if (to < from) this.#admitThoseInTurn();
  }

  #requireRoom(bytes: number, more: number, client: string | undefined): void {
    this.requireFit(bytes, client);
    const own = client === undefined ? 0 : this.#heldBy(client);
    if (own + more > this.perClientBytes) throw this.#full(more, own, this.perClientBytes, "of one client");
    if (!this.#hasRoom(more)) throw this.#full(more, this.#heldBytes, this.limitBytes, "of all requests together");
  }

  #full(bytes: number, held: number, limit: number, whose: string): BudgetFull {
    const sums = `${megabytes(held)} are held and ${megabytes(bytes)} more are wanted, of at most ${megabytes(limit)}`;
    return new BudgetFull(`No room for ${this.#what} ${whose}: ${sums}; retry in ${RETRY_AFTER_S} s`, RETRY_AFTER_S);
  }

  #turn(bytes: number, signal: AbortSignal): Promise<Reservation> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        signal.removeEventListener("abort", cancel);
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      };
      const cancel = () => {
        leave();
        this.#admitThoseInTurn();
        reject(new Cancelled());
      };
      const admit = () => {
        leave();
        resolve(this.reserve(bytes));
      };
      const waiting = { bytes, admit };
      signal.addEventListener("abort", cancel);
      this.#waiting.push(waiting);
    });
  }

  #admitThoseInTurn(): void {
    for (let [next] = this.#waiting; next && this.#hasRoom(next.bytes); [next] = this.#waiting) next.admit();
  }

  #hasRoom(bytes: number): boolean {
    return this.#heldBytes + bytes <= this.limitBytes;
  }

  #heldBy(client: string): number {
    return this.#byClient.get(client) ?? 0;
  }
}

class Held implements Reservation {
  bytes = 0;
  readonly #change: (from: number, to: number) => void;

  constructor(change: (from: number, to: number) => void) {
    this.#change = change;
  }

  resize(bytes: number): void {
    this.#change(this.bytes, bytes);
    this.bytes = bytes;
  }

  release(): void {
    this.resize(0);
  }
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
