/** The order in which waiting jobs start: by priority, then one of each client in turn, then by arrival. */
import type { Queue } from "p-queue";

export interface Place {
  id: string;
  client: string;
  /** Greater goes first. */
  priority: number;
}

type Run = () => Promise<unknown>;
type Entry<P> = { run: Run; place: P };

/**
 * A queue class for p-queue. A client with many jobs delays its own, not those of the others:
 * a client that has had its turn goes behind all clients of the same priority.
 */
export class FairOrder<P extends Place> implements Queue<Run, P> {
  /** By priority; in it the clients, whose turn is next first; of each its jobs in order of arrival. */
  #lanes = new Map<number, Map<string, Entry<P>[]>>();

  get size(): number {
    let size = 0;
    for (const lane of this.#lanes.values()) for (const entries of lane.values()) size += entries.length;
    return size;
  }

  enqueue(run: Run, options?: Partial<P>): void {
    const place = options as P; // p-queue hands on what add() was given, and `WorkQueue` gives all of it
    const lane = this.#lanes.get(place.priority) ?? new Map<string, Entry<P>[]>();
    lane.set(place.client, [...(lane.get(place.client) ?? []), { run, place }]);
    this.#lanes.set(place.priority, lane);
  }

  dequeue(): Run | undefined {
    const lane = this.#lanes.get(this.#priorities()[0] ?? Number.NaN);
    const [turn] = lane ?? [];
    if (!lane || !turn) return undefined;
    const [client, [first, ...rest]] = turn;
    lane.delete(client);
    if (rest.length > 0) lane.set(client, rest);
    this.#dropEmptyLanes();
    return first?.run;
  }

  /** Every waiting place in the order in which they would start if nobody else came. */
  upcoming(): P[] {
    return this.#entries().map((entry) => entry.place);
  }

  /** Those of the waiting places that would start before a newcomer at `place`. */
  before(place: P): P[] {
    const trial = new FairOrder<P>();
    trial.#lanes = new Map([...this.#lanes].map(([priority, lane]) => [priority, new Map(lane)]));
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
    this.enqueue(entry.run, { ...entry.place, priority });
  }

  filter({ priority }: Readonly<Partial<P>>): Run[] {
    return this.#entries()
      .filter((entry) => priority === undefined || entry.place.priority === priority)
      .map((entry) => entry.run);
  }

  #entries(): Entry<P>[] {
    return this.#priorities().flatMap((priority) => rounds([...this.#lanes.get(priority)!.values()]));
  }

  #priorities(): number[] {
    return [...this.#lanes.keys()].sort((a, b) => b - a);
  }

  #dropEmptyLanes(): void {
    for (const [priority, lane] of this.#lanes) if (lane.size === 0) this.#lanes.delete(priority);
  }
}

/** The first of each list, then the second of each, and so on. */
function rounds<T>(lists: T[][]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}
