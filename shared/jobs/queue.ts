/** A bounded queue of work: admission by estimated cost, fair between clients, with deadlines and honest waiting times. */

import { AppError, Cancelled, type Clock, Draining, systemClock } from "@armature/core";
import PQueue from "p-queue";
import { DeadlineExceeded, QueueFull } from "./errors.js";
import { FairOrder, type Place } from "./fair-order.js";

export interface QueueOptions {
  /** Jobs that run at once. */
  concurrency: number;
  /** Jobs that may wait. */
  maxWaiting: number;
  /** Cost that may wait, over all jobs; one job may always wait alone, or a big one would never get in. */
  maxWaitingCost: number;
  /** Jobs of one client that may wait, so that none fills the queue alone. */
  maxWaitingPerClient?: number;
  /** Seconds that a unit of cost takes, until jobs have been measured. */
  secondsPerCost?: number;
  /** Retry-After of a service that is shutting down: how long a restart takes. */
  drainRetryAfterS?: number;
  observer?: QueueObserver;
  clock?: Clock;
}

export interface JobOptions {
  /** Estimated work in the caller's own unit, such as pixels x steps. */
  cost: number;
  /** Whose job it is: clients take turns. */
  client: string;
  /** Greater goes first; default 0. */
  priority?: number;
  /** How long the job may wait for its start. One that will not or did not start by then is refused. */
  deadlineMs?: number;
  /** Aborting removes a waiting job at once; a running one is told by its own signal. */
  signal?: AbortSignal;
  /** Called when the job's place in the queue changes: 1 is next. */
  onPosition?: (position: QueuePosition) => void;
  /** Called right before the job starts. */
  onStart?: (waitedMs: number) => void;
}

export interface QueuePosition {
  position: number;
  estimatedStartS: number;
}

export type Outcome = "completed" | "failed" | "cancelled";

/** What metrics want to know, as it happens. */
export interface QueueObserver {
  started(waitedS: number): void;
  finished(outcome: Outcome, durationS: number): void;
  refused(code: string): void;
}

export interface QueueSnapshot {
  waiting: number;
  waitingCost: number;
  running: number;
  draining: boolean;
  /** Measured; undefined before the first job, if no guess was given. */
  secondsPerCost: number | undefined;
  /** Seconds until a job that came now would start. */
  estimatedWaitS: number;
}

/** What p-queue keeps of a job, and listens to. */
type Waiting = Place & { signal: AbortSignal; job: Job };

/** The share of the newest job in the running averages. */
const NEWEST = 0.2;

/**
 * A job starts within this many times as many starts as jobs may wait. At 1 a full queue could only go by arrival, with no room for
 * turns and priorities; at 2 every other start may go to somebody who came later.
 */
const OVERTAKING = 2;

export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #slots: PQueue<FairOrder<Waiting>, Waiting>;
  readonly #running = new Set<Job>();
  #order = new FairOrder<Waiting>();
  #average: { seconds: number; cost: number } | undefined;
  #draining = false;
  #lastId = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const hold = (order: FairOrder<Waiting>) => {
      this.#order = order;
    };
    // p-queue makes the queue itself, and we want to look into it.
    const queueClass = class extends FairOrder<Waiting> {
      constructor() {
        super(OVERTAKING * options.maxWaiting);
        hold(this);
      }
    };
    this.#slots = new PQueue({ concurrency: options.concurrency, queueClass });
  }

  /**
   * Waits for the job's turn, runs it and hands on its result. Throws QueueFull, DeadlineExceeded or Draining without
   * having started it. The slot is free again when the job itself has ended, even if its client is long gone.
   */
  async run<T>(options: JobOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const job = new Job(String(++this.#lastId), options, this.#clock.nowMs());
    try {
      this.#admit(job);
    } catch (error) {
      this.#options.observer?.refused(error instanceof AppError ? error.code : "internal-error");
      throw error;
    }
    return await this.#wait(job, () => this.#start(job, work));
  }

  /** Refuses new and waiting jobs from now on; resolves when the running ones have ended. */
  async drain(): Promise<void> {
    this.#draining = true;
    for (const { job } of this.#order.waiting()) job.refuse(this.#drainingError());
    await this.#slots.onPendingZero();
  }

  snapshot(): QueueSnapshot {
    const waiting = this.#order.waiting();
    return {
      waiting: waiting.length,
      waitingCost: sum(waiting.map(({ job }) => job.cost)),
      running: this.#running.size,
      draining: this.#draining,
      secondsPerCost: this.#secondsPerCost(),
      estimatedWaitS: this.#isIdle() ? 0 : this.#secondsFor(this.#costAhead(waiting)),
    };
  }

  #admit(job: Job): void {
    if (this.#draining) throw this.#drainingError();
    if (job.options.signal?.aborted) throw cancellation(job.options.signal);
    if (this.#isIdle()) return;
    const waiting = this.#order.waiting();
    const estimatedWaitS = this.#secondsFor(this.#costAhead(waiting));
    if (!this.#hasRoom(job, waiting)) throw new QueueFull(Math.max(1, Math.ceil(estimatedWaitS)));
    this.#requireInTime(job, this.#secondsFor(this.#costAhead(this.#order.before(job.place))));
  }

  #hasRoom(job: Job, waiting: Waiting[]): boolean {
    const { maxWaiting, maxWaitingCost, maxWaitingPerClient = maxWaiting } = this.#options;
    const ofClient = waiting.filter(({ client }) => client === job.options.client).length;
    if (waiting.length >= maxWaiting || ofClient >= maxWaitingPerClient) return false;
    return waiting.length === 0 || sum(waiting.map((other) => other.job.cost)) + job.cost <= maxWaitingCost;
  }

  #requireInTime({ options: { deadlineMs } }: Job, estimatedWaitS: number): void {
    if (deadlineMs === undefined || estimatedWaitS * 1000 <= deadlineMs) return;
    const wait = estimatedWaitS.toFixed(1);
    throw new DeadlineExceeded(
      `The job would wait about ${wait} s, longer than its deadline of ${deadlineMs / 1000} s`,
    );
  }

  async #wait<T>(job: Job, start: () => Promise<T>): Promise<T> {
    const { signal, deadlineMs } = job.options;
    const leave = () => job.refuse(cancellation(signal));
    signal?.addEventListener("abort", leave, { once: true });
    if (deadlineMs !== undefined) {
      const tooLate = new DeadlineExceeded(`The job did not start within its deadline of ${deadlineMs / 1000} s`);
      job.stopTimer = this.#clock.after(deadlineMs, () => job.refuse(tooLate));
    }
    try {
      const result = this.#slots.add(start, job.place);
      this.#announce();
      return await result;
    } catch (error) {
      if (!job.started) this.#options.observer?.refused(error instanceof AppError ? error.code : "internal-error");
      throw error;
    } finally {
      job.stopTimer();
      signal?.removeEventListener("abort", leave);
      this.#announce();
    }
  }

  async #start<T>(job: Job, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal = new AbortController().signal, onStart } = job.options;
    job.stopTimer();
    job.startedMs = this.#clock.nowMs();
    this.#running.add(job);
    this.#announce();
    this.#options.observer?.started((job.startedMs - job.arrivedMs) / 1000);
    try {
      onStart?.(job.startedMs - job.arrivedMs);
      const result = await work(signal);
      this.#finish(job, "completed");
      return result;
    } catch (error) {
      this.#finish(job, signal.aborted ? "cancelled" : "failed");
      throw signal.aborted ? cancellation(signal, error) : error;
    }
  }

  /** Only whole jobs tell how long work takes: one that failed or was left ended early. */
  #finish(job: Job, outcome: Outcome): void {
    const seconds = (this.#clock.nowMs() - (job.startedMs ?? 0)) / 1000;
    this.#running.delete(job);
    this.#options.observer?.finished(outcome, seconds);
    if (outcome !== "completed") return;
    const mix = (old: number, newest: number) => (1 - NEWEST) * old + NEWEST * newest;
    const old = this.#average ?? { seconds, cost: job.cost };
    this.#average = { seconds: mix(old.seconds, seconds), cost: mix(old.cost, job.cost) };
  }

  /** Tells each waiting job whose place has changed. */
  #announce(): void {
    const waiting = this.#order.upcoming();
    for (const [i, { job }] of waiting.entries()) {
      if (job.position === i + 1) continue;
      job.position = i + 1;
      const { onPosition } = job.options;
      onPosition?.({ position: i + 1, estimatedStartS: this.#secondsFor(this.#costAhead(waiting.slice(0, i))) });
    }
  }

  #isIdle(): boolean {
    return this.#running.size < this.#options.concurrency && this.#order.size === 0;
  }

  /** What is left of the running jobs, by the clock, and all of the waiting ones. */
  #costAhead(waiting: Waiting[]): number {
    const secondsPerCost = this.#secondsPerCost() ?? 0;
    const left = [...this.#running].map((job) => {
      const elapsedS = (this.#clock.nowMs() - (job.startedMs ?? 0)) / 1000;
      return secondsPerCost > 0 ? Math.max(0, job.cost - elapsedS / secondsPerCost) : job.cost;
    });
    return sum(left) + sum(waiting.map(({ job }) => job.cost));
  }

  #secondsFor(cost: number): number {
    return ((this.#secondsPerCost() ?? 0) * cost) / this.#options.concurrency;
  }

  #secondsPerCost(): number | undefined {
    if (!this.#average || this.#average.cost === 0) return this.#options.secondsPerCost;
    return this.#average.seconds / this.#average.cost;
  }

  #drainingError(): Draining {
    return new Draining(this.#options.drainRetryAfterS ?? 5);
  }
}

/** One call of `run` on its way through the queue. */
class Job {
  readonly cost: number;
  readonly place: Waiting;
  /** Takes the job out of the queue as long as it waits; p-queue listens. */
  readonly refusal = new AbortController();
  position = 0;
  startedMs: number | undefined;
  stopTimer = () => {};

  constructor(
    id: string,
    readonly options: JobOptions,
    readonly arrivedMs: number,
  ) {
    const { cost, client, priority = 0 } = options;
    this.cost = Math.max(0, cost);
    this.place = { id, client, priority, signal: this.refusal.signal, job: this };
  }

  get started(): boolean {
    return this.startedMs !== undefined;
  }

  refuse(reason: AppError): void {
    if (!this.started) this.refusal.abort(reason);
  }
}

function cancellation(signal: AbortSignal | undefined, cause?: unknown): AppError {
  if (signal?.reason instanceof AppError) return signal.reason;
  return cause instanceof AppError ? cause : new Cancelled();
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
