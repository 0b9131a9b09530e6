/** The queue of one process. */
import { type Clock, systemClock } from "@armature/core";
import { DeadlineExceeded, QueueFull } from "../errors.js";
import type { Outcome, Queue, QueueEntry, QueueLimits, QueuePosition, QueueSnapshot } from "../queue.js";
import { FairOrder } from "./fair-order.js";
import { WorkRate } from "./work-rate.js";

export interface MemoryQueueOptions extends QueueLimits {
  clock?: Clock;
}

/**
 * A job starts within OVERTAKING x maxWaiting starts. At 1 a full queue could only go by arrival, with no room for turns and
 * priorities; at 2 every other start may go to a job that came later.
 */
const OVERTAKING = 2;

export class MemoryQueue implements Queue {
  readonly #options: MemoryQueueOptions;
  readonly #clock: Clock;
  readonly #rate: WorkRate;
  readonly #order: FairOrder<QueueEntry>;
  readonly #running = new Map<string, { cost: number; startedMs: number }>();
  readonly #listeners: (() => void)[] = [];
  /** Ids of the waiting jobs that are unpacked or being unpacked. */
  readonly #unpacking = new Set<string>();
  /** The waiting jobs in the order of their starts; undefined when that has changed. */
  #upcoming: QueueEntry[] | undefined;

  constructor(options: MemoryQueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#rate = new WorkRate(options.secondsPerCost);
    this.#order = new FairOrder(OVERTAKING * options.maxWaiting);
  }

  async add(entry: QueueEntry): Promise<void> {
    const own = { ...entry, cost: Math.max(0, entry.cost) };
    this.#admit(own);
    this.#order.add(own);
    this.#changed();
  }

  async ready(id: string): Promise<void> {
    const entry = this.#order.get(id);
    if (!entry) return;
    entry.ready = true;
    this.#changed();
  }

  async nextToUnpack(): Promise<string | undefined> {
    if (this.#unpacking.size >= (this.#options.unpackedAhead ?? 1)) return undefined;
    const inTurn = this.#order.upcoming(isReady);
    const entry = inTurn.find(({ id, packed }) => packed && !this.#unpacking.has(id));
    if (entry) this.#unpacking.add(entry.id);
    return entry?.id;
  }

  async unpacked(id: string): Promise<void> {
    const entry = this.#order.get(id);
    if (!entry) return;
    entry.packed = false;
    this.#changed();
  }

  async take(): Promise<string | undefined> {
    if (!this.#hasSlot()) return undefined;
    const entry = this.#order.take(({ ready, packed }) => ready && !packed);
    if (!entry) return undefined;
    this.#unpacking.delete(entry.id);
    this.#running.set(entry.id, { cost: entry.cost, startedMs: this.#clock.nowMs() });
    this.#changed();
    return entry.id;
  }

  async done(id: string, outcome: Outcome): Promise<void> {
    const running = this.#running.get(id);
    if (!running) return;
    const { cost, startedMs } = running;
    this.#running.delete(id);
    if (outcome === "completed") this.#rate.note((this.#clock.nowMs() - startedMs) / 1000, cost);
    this.#changed();
  }

  async remove(id: string): Promise<boolean> {
    if (!this.#order.get(id)) return false;
    this.#order.remove(id);
    this.#unpacking.delete(id);
    this.#changed();
    return true;
  }

  async position(id: string): Promise<QueuePosition | undefined> {
    this.#upcoming ??= this.#order.upcoming();
    const ahead = this.#upcoming.findIndex((entry) => entry.id === id);
    if (ahead < 0) return undefined;
    return { position: ahead + 1, estimatedStartS: this.#secondsFor(this.#costAhead(this.#upcoming.slice(0, ahead))) };
  }

  async snapshot(): Promise<QueueSnapshot> {
    const waiting = this.#order.waiting();
    return {
      waiting: waiting.length,
      waitingCost: costOf(waiting),
      running: this.#running.size,
      secondsPerCost: this.#rate.secondsPerCost,
      estimatedWaitS: this.#isIdle() ? 0 : this.#secondsFor(this.#costAhead(waiting.filter(isReady))),
    };
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #admit(entry: QueueEntry): void {
    const waiting = this.#order.waiting();
    if (this.#isIdle() && (entry.ready || waiting.length === 0)) return;
    const estimatedWaitS = this.#secondsFor(this.#costAhead(waiting.filter(isReady)));
    const limit = this.#limitReached(entry, waiting);
    if (limit) throw new QueueFull(Math.max(1, Math.ceil(estimatedWaitS)), limit);
    this.#requireInTime(entry, this.#secondsFor(this.#costAhead(this.#order.before(entry).filter(isReady))));
  }

  /**
   * Which limit keeps the entry out, in words for its client; undefined if none does. Jobs that are not ready have as much room,
   * of their own: slow picture addresses never keep out what could start.
   */
  #limitReached({ client, cost, ready }: QueueEntry, waiting: QueueEntry[]): string | undefined {
    const { maxWaiting, maxWaitingCost, maxWaitingPerClient = maxWaiting } = this.#options;
    const ofClient = waiting.filter((other) => other.client === client).length;
    const alike = waiting.filter((other) => other.ready === ready);
    const waitingCost = costOf(alike);
    if (alike.length >= maxWaiting) return `The queue is full: ${alike.length} requests wait, as many as may`;
    if (ofClient >= maxWaitingPerClient) {
      return `Your address is at its limit: ${ofClient} of its requests wait, as many as one address may have waiting`;
    }
    if (alike.length === 0 || waitingCost + cost <= maxWaitingCost) return undefined;
    return `The queue is full: work of ${waitingCost} waits, and this request's ${cost} would exceed the ${maxWaitingCost} that may`;
  }

  #requireInTime({ deadlineMs }: QueueEntry, estimatedWaitS: number): void {
    if (deadlineMs === undefined || estimatedWaitS * 1000 <= deadlineMs) return;
    const wait = estimatedWaitS.toFixed(1);
    throw new DeadlineExceeded(
      `The job would wait about ${wait} s, longer than its deadline of ${deadlineMs / 1000} s`,
    );
  }

  #hasSlot(): boolean {
    return this.#running.size < this.#options.concurrency;
  }

  /** Whether a job that came now would start at once if it is ready. */
  #isIdle(): boolean {
    return this.#hasSlot() && !this.#order.waiting().some(isReady);
  }

  /** The cost that is left of the running jobs, by the clock, and the whole cost of the waiting ones. */
  #costAhead(waiting: QueueEntry[]): number {
    const secondsPerCost = this.#rate.secondsPerCost ?? 0;
    const left = [...this.#running.values()].map(({ cost, startedMs }) => {
      const elapsedS = (this.#clock.nowMs() - startedMs) / 1000;
      return secondsPerCost > 0 ? Math.max(0, cost - elapsedS / secondsPerCost) : cost;
    });
    return sum(left) + costOf(waiting);
  }

  #secondsFor(cost: number): number {
    return ((this.#rate.secondsPerCost ?? 0) * cost) / this.#options.concurrency;
  }

  #changed(): void {
    this.#upcoming = undefined;
    for (const listener of this.#listeners) listener();
  }
}

const isReady = ({ ready }: QueueEntry) => ready;

const costOf = (entries: QueueEntry[]) => sum(entries.map(({ cost }) => cost));

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
