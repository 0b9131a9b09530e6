/**
 * The order in which waiting jobs start: by priority, then one of each client in turn, then by arrival; but none is overtaken
 * for ever. A job is among the next `patience` that start, whoever comes after it.
 */
import type { Queue } from "p-queue";

export interface Place {
  id: string;
  client: string;
  /** Greater goes first. */
  priority: number;
}

type Run = () => Promise<unknown>;
/** `latest`: the number of the last start that may be this job's. */
type Entry<P> = { run: Run; place: P; latest: number };

/**
 * A queue class for p-queue. A client with many jobs delays its own, not those of the others: a client that has had its turn goes
 * behind all clients of the same priority. A job that could be late otherwise goes before anybody's turn.
 */
export class FairOrder<P extends Place> implements Queue<Run, P> {
  /** By priority; in it the clients, whose turn is next first; of each its jobs in order of arrival. */
  #lanes = new Map<number, Map<string, Entry<P>[]>>();
  /** All of them by id, in order of arrival: the first has waited longest. */
  #waiting = new Map<string, Entry<P>>();
  readonly #patience: number;
  #starts = 0;

  /** `patience`: the starts that a job waits for at most, its own included; kept as long as no more than that many jobs wait. */
  constructor(patience = Number.POSITIVE_INFINITY) {
    this.#patience = patience;
  }

  get size(): number {
    return this.#waiting.size;
  }

  enqueue(run: Run, options?: Partial<P>): void {
    const place = options as P; // p-queue hands on what add() was given, and `WorkQueue` gives all of it
    const entry = { run, place, latest: this.#starts + this.#patience };
    this.#waiting.set(place.id, entry);
    this.#queueUp(entry);
  }

  dequeue(): Run | undefined {
    const next = this.#next();
    if (!next) return undefined;
    this.#start(next);
    return next.run;
  }

  /** Every waiting place, in order of arrival. */
  waiting(): P[] {
    return [...this.#waiting.values()].map((entry) => entry.place);
  }

  /** The same in the order in which they would start if nobody else came. */
  upcoming(): P[] {
    const trial = this.#copy();
    const places: P[] = [];
    for (let next = trial.#next(); next; next = trial.#next()) {
      places.push(next.place);
      trial.#start(next);
    }
    return places;
  }

  /** Those of the waiting places that would start before a newcomer at `place`. */
  before(place: P): P[] {
    const trial = this.#copy();
    trial.enqueue(async () => {}, place);
    const order = trial.upcoming();
    return order.slice(0, order.indexOf(place));
  }

  remove(id: string): void {
    const entry = this.#waiting.get(id);
    if (!entry) return;
    this.#waiting.delete(id);
    const others = this.#othersOfItsClient(entry);
    if (others.length > 0) this.#lanes.get(entry.place.priority)!.set(entry.place.client, others);
    else this.#leaveLane(entry);
  }

  setPriority(id: string, priority: number): void {
    const entry = this.#waiting.get(id);
    if (!entry) return;
    this.remove(id);
    const changed = { ...entry, place: { ...entry.place, priority } };
    this.#waiting = new Map([...this.#waiting, [id, changed] as const].sort(([, a], [, b]) => a.latest - b.latest));
    this.#queueUp(changed);
  }

  filter({ priority }: Readonly<Partial<P>>): Run[] {
    return [...this.#waiting.values()]
      .filter((entry) => priority === undefined || entry.place.priority === priority)
      .map((entry) => entry.run);
  }

  #queueUp(entry: Entry<P>): void {
    const { priority, client } = entry.place;
    const lane = this.#lanes.get(priority) ?? new Map<string, Entry<P>[]>();
    lane.set(client, [...(lane.get(client) ?? []), entry]);
    this.#lanes.set(priority, lane);
  }

  /** Whose turn it is, or the one that has waited longest if it, or one behind it, would be late after that turn. */
  #next(): Entry<P> | undefined {
    const inTurn = this.#inTurn();
    let start = this.#starts + 1;
    for (const entry of this.#waiting.values()) {
      if (entry !== inTurn && entry.latest < ++start) return this.#waiting.values().next().value;
    }
    return inTurn;
  }

  #inTurn(): Entry<P> | undefined {
    const [turn] = this.#lanes.get(Math.max(...this.#lanes.keys()))?.values() ?? [];
    return turn?.[0];
  }

  /** Takes a starting job out: its client has had its turn, and goes behind the others. */
  #start(entry: Entry<P>): void {
    this.#starts++;
    this.#waiting.delete(entry.place.id);
    const others = this.#othersOfItsClient(entry);
    this.#leaveLane(entry);
    for (const other of others) this.#queueUp(other);
  }

  #othersOfItsClient({ place: { id, priority, client } }: Entry<P>): Entry<P>[] {
    return this.#lanes
      .get(priority)!
      .get(client)!
      .filter(({ place }) => place.id !== id);
  }

  #leaveLane({ place: { priority, client } }: Entry<P>): void {
    const lane = this.#lanes.get(priority)!;
    lane.delete(client);
    if (lane.size === 0) this.#lanes.delete(priority);
  }

  #copy(): FairOrder<P> {
    const copy = new FairOrder<P>(this.#patience);
    copy.#lanes = new Map([...this.#lanes].map(([priority, lane]) => [priority, new Map(lane)]));
    copy.#waiting = new Map(this.#waiting);
    copy.#starts = this.#starts;
    return copy;
  }
}
