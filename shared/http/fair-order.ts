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
  readonly #patience: number;
  #starts = 0;

  /** `patience`: the starts that a job waits for at most, its own included; kept as long as no more than that many jobs wait. */
  constructor(patience = Number.POSITIVE_INFINITY) {
    this.#patience = patience;
  }

  get size(): number {
    let size = 0;
    for (const lane of this.#lanes.values()) for (const entries of lane.values()) size += entries.length;
    return size;
  }

  enqueue(run: Run, options?: Partial<P>): void {
    const place = options as P; // p-queue hands on what add() was given, and `WorkQueue` gives all of it
    this.#insert({ run, place, latest: this.#starts + this.#patience });
  }

  dequeue(): Run | undefined {
    const next = this.#next();
    if (!next) return undefined;
    this.#take(next);
    this.#starts++;
    return next.run;
  }

  /** Every waiting place in the order in which they would start if nobody else came. */
  upcoming(): P[] {
    const trial = this.#copy();
    const places: P[] = [];
    for (let next = trial.#next(); next; next = trial.#next()) {
      places.push(next.place);
      trial.#take(next);
      trial.#starts++;
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
    for (const lane of this.#lanes.values()) {
      for (const [client, entries] of lane) {
        const rest = entries.filter((entry) => entry.place.id !== id);
        if (rest.length === entries.length) continue;
        if (rest.length > 0) lane.set(client, rest);
        else lane.delete(client);
      }
    }
    this.#dropEmptyLanes();
  }

  setPriority(id: string, priority: number): void {
    const entry = this.#entries().find(({ place }) => place.id === id);
    if (!entry) return;
    this.remove(id);
    this.#insert({ ...entry, place: { ...entry.place, priority } });
  }

  filter({ priority }: Readonly<Partial<P>>): Run[] {
    return this.#entries()
      .filter((entry) => priority === undefined || entry.place.priority === priority)
      .map((entry) => entry.run);
  }

  #insert(entry: Entry<P>): void {
    const { priority, client } = entry.place;
    const lane = this.#lanes.get(priority) ?? new Map<string, Entry<P>[]>();
    lane.set(client, [...(lane.get(client) ?? []), entry]);
    this.#lanes.set(priority, lane);
  }

  /** Whose turn it is, or the most pressing job if it, or one behind it, would be late after that turn. */
  #next(): Entry<P> | undefined {
    const inTurn = this.#inTurn();
    const pressing = this.#entries().sort((a, b) => a.latest - b.latest || b.place.priority - a.place.priority);
    const late = pressing.filter((entry) => entry !== inTurn).some(({ latest }, i) => latest < this.#starts + 2 + i);
    return late ? pressing[0] : inTurn;
  }

  #inTurn(): Entry<P> | undefined {
    const [turn] = this.#lanes.get(Math.max(...this.#lanes.keys()))?.values() ?? [];
    return turn?.[0];
  }

  /** Takes a starting job out: its client has had its turn. */
  #take(entry: Entry<P>): void {
    const lane = this.#lanes.get(entry.place.priority)!;
    const rest = lane.get(entry.place.client)!.filter((other) => other !== entry);
    lane.delete(entry.place.client);
    if (rest.length > 0) lane.set(entry.place.client, rest);
    this.#dropEmptyLanes();
  }

  #copy(): FairOrder<P> {
    const copy = new FairOrder<P>(this.#patience);
    copy.#lanes = new Map([...this.#lanes].map(([priority, lane]) => [priority, new Map(lane)]));
    copy.#starts = this.#starts;
    return copy;
  }

  #entries(): Entry<P>[] {
    return [...this.#lanes.values()].flatMap((lane) => [...lane.values()].flat());
  }

  #dropEmptyLanes(): void {
    for (const [priority, lane] of this.#lanes) if (lane.size === 0) this.#lanes.delete(priority);
  }
}
