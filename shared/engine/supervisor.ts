/** Keeps one engine process running: queues jobs, hands them over one at a time, and restarts the process when it ends. */

import { setTimeout as sleep } from "node:timers/promises";
import { Cancelled, Draining, fromWireError, type WireError } from "@armature/core";
import { type Child, forkChild } from "./child.js";
import {
  DEFAULT_LIMITS,
  type EngineLimits,
  type EngineLog,
  type EngineOptions,
  type EngineState,
} from "./engine-options.js";
import { EngineCrashed, EngineUnavailable } from "./errors.js";
import { Job, type RunOptions } from "./job.js";
import type { FromEngine } from "./protocol.js";
import { RestartBackoff } from "./restart-backoff.js";

/** How long a client of an engine that is being stopped should wait before it asks again, in seconds. */
const STOPPING_RETRY_AFTER_S = 5;
/** A job whose process ended before it began is tried once more, not for ever: it may be its payload that ended it. */
const MAX_ATTEMPTS = 2;
const STOP_GRACE_MS = 30_000;

/** The untyped inside of `Engine`; its methods are documented there. */
export class Supervisor {
  readonly #options: EngineOptions;
  readonly #limits: EngineLimits;
  readonly #backoff: RestartBackoff;
  readonly #waiting: Job[] = [];
  readonly #readyWaiters: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #child: Child | undefined;
  #serving = false;
  #current: Job | undefined;
  #lastId = 0;
  /** What the process said about its coming end; tells more than its exit code. */
  #lastWords: string | undefined;
  #reason: string | undefined;
  #stopping: Promise<void> | undefined;
  #stopped = false;
  #onChildEnd: (() => void) | undefined;
  #startTimer: NodeJS.Timeout | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #stallTimer: NodeJS.Timeout | undefined;
  #cancelTimer: NodeJS.Timeout | undefined;
  #reported = "";

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#backoff = new RestartBackoff(this.#limits);
    this.#launch();
  }

  async run(kind: string, payload: unknown, options: RunOptions = {}): Promise<unknown> {
    const refusal = this.#refusal();
    if (refusal) throw refusal;
    if (options.signal?.aborted) throw new Cancelled();
    this.#lastId += 1;
    const job = new Job(this.#lastId, kind, payload, options, (aborted) => this.#cancel(aborted));
    this.#waiting.push(job);
    this.#dispatch();
    return job.promise;
  }

  state(): EngineState {
    const pid = this.#child?.pid;
    return {
      status: this.#status(),
      ...(this.#reason !== undefined && !this.#serving && { reason: this.#reason }),
      restarts: this.#backoff.restarts,
      ...(pid !== undefined && { pid }),
    };
  }

  async ready(): Promise<void> {
    const refusal = this.#refusal();
    if (refusal) throw refusal;
    if (!this.#serving) await new Promise<void>((resolve, reject) => this.#readyWaiters.push({ resolve, reject }));
  }

  restart(reason: string): void {
    this.#child?.kill(reason);
  }

  stop({ graceMs = STOP_GRACE_MS }: { graceMs?: number } = {}): Promise<void> {
    this.#stopping ??= this.#shutDown(graceMs);
    return this.#stopping;
  }

  #status(): EngineState["status"] {
    if (this.#stopped) return "stopped";
    if (this.#serving) return this.#current ? "busy" : "ready";
    if (this.#backoff.failed) return "failed";
    return this.#backoff.restarts === 0 ? "starting" : "restarting";
  }

  /** Why no job can be taken now, if so. */
  #refusal(): Error | undefined {
    if (this.#stopping) return new Draining(STOPPING_RETRY_AFTER_S);
    if (!this.#backoff.failed) return undefined;
    const retryAfterS = Math.ceil(this.#limits.failedRetryMs / 1000);
    return new EngineUnavailable(`The ${this.#options.name} engine does not start: ${this.#reason}`, retryAfterS);
  }

  #launch(): void {
    const { entry, env, execArgv, settings } = this.#options;
    try {
      const child = forkChild({
        ...{ entry, env, execArgv },
        onMessage: (message) => this.#receive(message),
        onLine: (stream, text) => this.#log(stream === "stdout" ? "info" : "warn", text, child.pid),
        onEnd: (reason) => this.#ended(reason),
      });
      this.#child = child;
      child.send({ type: "start", settings });
    } catch (error) {
      this.#ended(`could not be started: ${error instanceof Error ? error.message : error}`);
      return;
    }
    this.#startTimer = this.#killAfter(this.#limits.startTimeoutMs, "setup took more than");
    this.#report();
  }

  #receive(message: FromEngine): void {
    switch (message.type) {
      case "ready":
        this.#becomeReady();
        break;
      case "setup-failed":
        this.#lastWords = `setup failed: ${message.error.message}`;
        this.#logTrace(message.error);
        break;
      case "fatal":
        this.#lastWords = "an uncaught exception ended it; the log has its trace";
        break;
      default: // what a job reports after its own end concerns nobody
        if (this.#current?.id === message.id) this.#receiveOf(this.#current, message);
    }
  }

  #receiveOf(job: Job, message: Extract<FromEngine, { id: number }>): void {
    switch (message.type) {
      case "started":
        job.started = true;
        break;
      case "progress":
        this.#stallTimer?.refresh();
        this.#passOn(job, message.event);
        break;
      case "result":
        this.#answered(job, () => job.resolve(message.result));
        break;
      case "error":
        this.#logTrace(message.error);
        this.#answered(job, () => job.reject(fromWireError(message.error)));
        break;
    }
  }

  #becomeReady(): void {
    clearTimeout(this.#startTimer);
    this.#serving = true;
    this.#backoff.ready();
    for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
    this.#dispatch();
    this.#report();
  }

  /** Hands the next waiting job to the process if that is idle. */
  #dispatch(): void {
    while (this.#serving && !this.#current) {
      const job = this.#waiting.shift();
      if (!job) return;
      this.#hand(job);
    }
  }

  #hand(job: Job): void {
    try {
      this.#child?.send({ type: "run", id: job.id, kind: job.kind, payload: job.payload });
    } catch (error) {
      job.reject(error); // the payload cannot be cloned
      return;
    }
    job.attempts += 1;
    this.#current = job;
    this.#stallTimer = this.#killAfter(this.#limits.stallTimeoutMs, "no progress for");
    this.#report();
  }

  #passOn(job: Job, event: unknown): void {
    try {
      job.options.onProgress?.(event);
    } catch (error) {
      this.#log("error", `A progress callback failed: ${error instanceof Error ? error.stack : error}`);
    }
  }

  /** Whoever cancelled a job gets Cancelled, even if the answer was already on its way. */
  #answered(job: Job, settle: () => void): void {
    this.#letGo();
    this.#backoff.answered();
    if (job.aborted) job.reject(new Cancelled());
    else settle();
    this.#dispatch();
    this.#report();
  }

  #letGo(): void {
    clearTimeout(this.#stallTimer);
    clearTimeout(this.#cancelTimer);
    this.#current = undefined;
  }

  #cancel(job: Job): void {
    if (job === this.#current) {
      this.#child?.send({ type: "cancel", id: job.id });
      this.#cancelTimer = this.#killAfter(this.#limits.cancelGraceMs, "still busy with a cancelled job after");
    } else {
      this.#waiting.splice(this.#waiting.indexOf(job), 1);
      job.reject(new Cancelled());
    }
  }

  #ended(exit: string): void {
    const job = this.#current;
    const wasReady = this.#serving;
    this.#reason = this.#lastWords ?? (wasReady ? exit : `${exit}, before it was ready`);
    this.#log(this.#stopping ? "info" : "error", `The ${this.#options.name} engine process is gone: ${this.#reason}`);
    clearTimeout(this.#startTimer);
    this.#letGo();
    this.#child = undefined;
    this.#serving = false;
    this.#lastWords = undefined;
    if (job) this.#lose(job, this.#reason);
    if (this.#stopping) this.#onChildEnd?.();
    else this.#restart(wasReady);
  }

  #lose(job: Job, reason: string): void {
    if (job.aborted) job.reject(new Cancelled());
    else if (!job.started && job.attempts < MAX_ATTEMPTS && !this.#stopping) this.#waiting.unshift(job);
    else job.reject(new EngineCrashed(`The ${this.#options.name} engine crashed: ${reason}`));
  }

  #restart(wasReady: boolean): void {
    this.#backoff.ended(wasReady);
    const refusal = this.#refusal();
    if (refusal) this.#refuseAll(refusal);
    this.#restartTimer = setTimeout(() => this.#launch(), this.#backoff.delayMs());
    this.#report();
  }

  #refuseAll(refusal: Error): void {
    for (const job of this.#waiting.splice(0)) job.reject(refusal);
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(refusal);
  }

  async #shutDown(graceMs: number): Promise<void> {
    clearTimeout(this.#restartTimer);
    this.#refuseAll(new Draining(STOPPING_RETRY_AFTER_S));
    const job = this.#current;
    if (job) await Promise.race([job.promise.catch(() => {}), sleep(graceMs, undefined, { ref: false })]);
    if (this.#current) {
      this.#current.reject(new Draining(STOPPING_RETRY_AFTER_S));
      this.#letGo();
      this.#child?.kill("still busy when it was stopped");
    }
    await this.#endChild();
    this.#stopped = true;
    this.#reason = undefined;
    this.#report();
  }

  async #endChild(): Promise<void> {
    if (!this.#child) return;
    const ended = new Promise<void>((resolve) => {
      this.#onChildEnd = resolve;
    });
    this.#child.end();
    await ended;
  }

  #killAfter(ms: number, what: string): NodeJS.Timeout | undefined {
    return ms > 0 ? setTimeout(() => this.#child?.kill(`${what} ${ms / 1000} s`), ms) : undefined;
  }

  #report(): void {
    const state = this.state();
    const seen = JSON.stringify(state);
    if (seen === this.#reported) return;
    this.#reported = seen;
    this.#options.onState?.(state);
  }

  #logTrace({ trace }: WireError): void {
    if (trace !== undefined) this.#log("error", trace);
  }

  #log(level: EngineLog["level"], message: string, pid = this.#child?.pid): void {
    this.#options.log({ level, message, ...(pid !== undefined && { pid }) });
  }
}
