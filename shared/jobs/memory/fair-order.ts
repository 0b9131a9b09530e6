/**
 * The order in which waiting jobs start: by priority, then one of each client in turn, then by arrival; but none is overtaken
 * for ever. A job is among the next `patience` that start, however many come after it. A job that is not ready is passed over and
 * keeps its place.
 */
interface Place {
  id: string;
  client: string;
  /** Greater goes first. */
  priority: number;
  ready: boolean;
}

/** `latest`: the number of the last start that may be this place's. */
type Entry<P> = { place: P; latest: number };

/**
 * A client with many jobs delays its own jobs alone: after its turn a client goes behind all clients of the same priority. A job
 * that would be late otherwise goes first.
 */
export class FairOrder<P extends Place> {
  /** Priority → client → its jobs in order of arrival. The client whose turn is next comes first. */
  #lanes = new Map<number, Map<string, Entry<P>[]>>();
  /** All entries by id, in order of arrival: the first has waited longest. */
  #waiting = new Map<string, Entry<P>>();
  readonly #patience: number;
  #starts = 0;

  /** `patience`: the starts that a job waits for at most, its own included; kept as long as no more than that many jobs wait. */
  constructor(patience = Number.POSITIVE_INFINITY) {
    this.#patience = patience;
  }

  add(place: P): void {
    const entry = { place, latest: this.#starts + this.#patience };
    this.#waiting.set(place.id, entry);
    this.#queueUp(entry);
  }

  get(id: string): P | undefined {
    return this.#waiting.get(id)?.place;
  }

  /** Takes out the next one to start. */
  take(mayStart: (place: P) => boolean = ({ ready }) => ready): P | undefined {
    const next = this.#next(mayStart);
    if (next) this.#start(next);
    return next?.place;
  }

  /** Every waiting place, in order of arrival. */
  waiting(): P[] {
    return [...this.#waiting.values()].map((entry) => entry.place);
  }

  /** The places that may start, in the order of their starts if no job comes after them. Default: as if all were ready. */
  upcoming(mayStart: (place: P) => boolean = anyone): P[] {
    const trial = this.#copy();
    const places: P[] = [];
    for (let next = trial.take(mayStart); next; next = trial.take(mayStart)) places.push(next);
    return places;
  }

  /** The waiting places that would start before a newcomer at `place`. */
  before(place: P): P[] {
    const trial = this.#copy();
    trial.add(place);
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

  #queueUp(entry: Entry<P>): void {
    const { priority, client } = entry.place;
    const lane = this.#lanes.get(priority) ?? new Map<string, Entry<P>[]>();
    lane.set(client, [...(lane.get(client) ?? []), entry]);
    this.#lanes.set(priority, lane);
  }

  /** The entry whose turn it is; or the one that has waited longest, where that or a later one would be late after this turn. */
  #next(mayStart: (place: P) => boolean): Entry<P> | undefined {
    const inTurn = this.#inTurn(mayStart);
    let start = this.#starts + 1;
    let longest: Entry<P> | undefined;
    for (const entry of this.#waiting.values()) {
      if (!mayStart(entry.place)) continue;
      longest ??= entry;
      if (entry !== inTurn && entry.latest < ++start) return longest;
    }
    return inTurn;
  }

  #inTurn(mayStart: (place: P) => boolean): Entry<P> | undefined {
    for (const priority of [...this.#lanes.keys()].sort((a, b) => b - a)) {
      for (const jobs of this.#lanes.get(priority)!.values()) {
        const first = jobs.find(({ place }) => mayStart(place));
        if (first) return first;
      }
    }
    return undefined;
  }

  /** Takes a starting job out. Its client has had its turn and goes behind the others. */
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

const anyone = () => true;
