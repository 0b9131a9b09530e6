/** Keeps one engine process running: queues calls, hands them over one at a time, and restarts the process when it ends. */

import { setTimeout as sleep } from "node:timers/promises";
import { Cancelled, Draining, fromWireError, type WireError } from "@armature/core";
import { AwakeClock } from "./awake-clock.js";
import { type Child, forkChild } from "./child.js";
import {
  DEFAULT_LIMITS,
  type EngineLimits,
  type EngineLog,
  type EngineOptions,
  type EngineState,
} from "./engine-options.js";
import { EngineCrashed, EngineUnavailable } from "./errors.js";
import { type CallOptions, PendingCall } from "./pending-call.js";
import type { FromEngine } from "./protocol.js";
import { RestartBackoff } from "./restart-backoff.js";
import { Watchdog } from "./watchdog.js";

/** How long a client of an engine that is being stopped should wait before it asks again, in seconds. */
const STOPPING_RETRY_AFTER_S = 5;
/** A call whose process ended before it began, or while it loaded, is tried once more, not for ever: perhaps it ended the process. */
const MAX_ATTEMPTS = 2;
const STOP_GRACE_MS = 30_000;

/** The untyped inside of `Engine`; its methods are documented there. */
export class Supervisor {
  readonly #options: EngineOptions;
  readonly #limits: EngineLimits;
  readonly #backoff: RestartBackoff;
  readonly #clock: AwakeClock;
  readonly #waiting: PendingCall[] = [];
  readonly #readyWaiters: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #child: Child | undefined;
  /** Of this child. */
  #watchdog: Watchdog;
  #serving = false;
  #current: PendingCall | undefined;
  #lastId = 0;
  /** The process's own words about its coming end, which tell more than its exit code. */
  #lastWords: string | undefined;
  #reason: string | undefined;
  #stopping: Promise<void> | undefined;
  #stopped = false;
  #onChildEnd: (() => void) | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #reported = "";

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#backoff = new RestartBackoff(this.#limits);
    this.#watchdog = new Watchdog(this.#limits.silentMs);
    this.#clock = new AwakeClock(this.#limits.tickMs, (passedMs) => this.#judge(passedMs));
    this.#launch();
  }

  async run(kind: string, payload: unknown, options: CallOptions = {}): Promise<unknown> {
    const refusal = this.#refusal();
    if (refusal) throw refusal;
    if (options.signal?.aborted) throw new Cancelled();
    this.#lastId += 1;
    const call = new PendingCall(this.#lastId, kind, payload, options, (aborted) => this.#cancel(aborted));
    this.#waiting.push(call);
    this.#dispatch();
    return call.promise;
  }

  state(): EngineState {
    const pid = this.#child?.pid;
    const status = this.#status();
    const reason = status === "unresponsive" ? this.#watchdog.suspicion() : this.#reason;
    return {
      status,
      ...(reason !== undefined && status !== "ready" && status !== "busy" && { reason }),
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
    if (this.#serving && this.#watchdog.suspicion() !== undefined) return "unresponsive";
    if (this.#serving) return this.#current ? "busy" : "ready";
    if (this.#backoff.failed) return "failed";
    return this.#backoff.restarts === 0 ? "starting" : "restarting";
  }

  /** Why no call can be taken now, if so. */
  #refusal(): Error | undefined {
    if (this.#stopping) return new Draining(STOPPING_RETRY_AFTER_S);
    if (!this.#backoff.failed) return undefined;
    const retryAfterS = Math.ceil(this.#limits.failedRetryMs / 1000);
    return new EngineUnavailable(`The ${this.#options.name} engine does not start: ${this.#reason}`, retryAfterS);
  }

  #launch(): void {
    const { entry, env, execArgv, settings } = this.#options;
    this.#watchdog = new Watchdog(this.#limits.silentMs);
    this.#watchdog.expect("start", { what: "setup", ms: this.#limits.startTimeoutMs });
    try {
      const child = forkChild({
        ...{ entry, env, execArgv },
        onMessage: (message) => this.#receive(message),
        onHeartbeat: (sign) => this.#watchdog.beat(sign),
        onLine: (stream, text) => this.#log(stream === "stdout" ? "info" : "warn", text, child.pid),
        onEnd: (reason) => this.#ended(reason),
      });
      this.#child = child;
      child.send({ type: "start", settings });
    } catch (error) {
      this.#ended(`could not be started: ${error instanceof Error ? error.message : error}`);
      return;
    }
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
      default: // what a call reports after its own end is dropped
        if (this.#current?.id === message.id) this.#receiveOf(this.#current, message);
    }
  }

  #receiveOf(call: PendingCall, message: Extract<FromEngine, { id: number }>): void {
    switch (message.type) {
      case "started":
        call.started = true;
        break;
      case "progress":
        this.#allow(call, message.event);
        this.#passOn(call, message.event);
        break;
      case "result":
        this.#answered(call, () => call.resolve(message.result));
        break;
      case "error":
        this.#logTrace(message.error);
        this.#answered(call, () => call.reject(fromWireError(message.error)));
        break;
    }
  }

  #becomeReady(): void {
    this.#watchdog.done("start");
    this.#serving = true;
    this.#backoff.ready();
    for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
    this.#dispatch();
    this.#report();
  }

  /** Hands the next waiting call to the process if that is idle. */
  #dispatch(): void {
    while (this.#serving && !this.#current) {
      const call = this.#waiting.shift();
      if (!call) return;
      this.#hand(call);
    }
  }

  #hand(call: PendingCall): void {
    try {
      this.#child?.send({ type: "run", id: call.id, kind: call.kind, payload: call.payload });
    } catch (error) {
      call.reject(error); // the payload cannot be cloned
      return;
    }
    call.attempts += 1;
    this.#current = call;
    this.#allow(call, undefined);
    this.#report();
  }

  #allow(call: PendingCall, event: unknown): void {
    const allowance = call.allow(event, this.#clock.now());
    if (allowance) this.#watchdog.expect("call", allowance);
  }

  /** A process that hangs is killed; the report says so from when it is suspected. */
  #judge(passedMs: number): void {
    const hang = this.#watchdog.pass(passedMs);
    if (hang !== undefined) this.#child?.kill(hang);
    this.#report();
  }

  #passOn(call: PendingCall, event: unknown): void {
    try {
      call.options.onProgress?.(event);
    } catch (error) {
      this.#log("error", `A progress callback failed: ${error instanceof Error ? error.stack : error}`);
    }
  }

  /** A caller that cancelled gets Cancelled, even if the answer was already on its way. */
  #answered(call: PendingCall, settle: () => void): void {
    this.#letGo();
    this.#backoff.answered();
    if (call.aborted) call.reject(new Cancelled());
    else settle();
    this.#dispatch();
    this.#report();
  }

  #letGo(): void {
    this.#watchdog.done("call");
    this.#watchdog.done("cancellation");
    this.#current = undefined;
  }

  #cancel(call: PendingCall): void {
    if (call === this.#current) {
      this.#child?.send({ type: "cancel", id: call.id });
      this.#watchdog.expect("cancellation", { what: "a cancelled call", ms: this.#limits.cancelGraceMs });
    } else {
      this.#waiting.splice(this.#waiting.indexOf(call), 1);
      call.reject(new Cancelled());
    }
  }

  #ended(exit: string): void {
    const call = this.#current;
    const wasReady = this.#serving;
    this.#reason = this.#lastWords ?? (wasReady ? exit : `${exit}, before it was ready`);
    this.#log(this.#stopping ? "info" : "error", `The ${this.#options.name} engine process is gone: ${this.#reason}`);
    this.#letGo();
    this.#child = undefined;
    this.#watchdog = new Watchdog(this.#limits.silentMs); // nobody is watched until the next start
    this.#serving = false;
    this.#lastWords = undefined;
    if (call) this.#lose(call, this.#reason);
    if (this.#stopping) this.#onChildEnd?.();
    else this.#restart(wasReady);
  }

  #lose(call: PendingCall, reason: string): void {
    if (call.aborted) call.reject(new Cancelled());
    else if (call.repeatable && call.attempts < MAX_ATTEMPTS && !this.#stopping) this.#takeBack(call);
    else call.reject(new EngineCrashed(`The ${this.#options.name} engine crashed: ${reason}`));
  }

  #takeBack(call: PendingCall): void {
    call.started = false;
    this.#waiting.unshift(call);
  }

  #restart(wasReady: boolean): void {
    this.#backoff.ended(wasReady);
    const refusal = this.#refusal();
    if (refusal) this.#refuseAll(refusal);
    this.#restartTimer = setTimeout(() => this.#launch(), this.#backoff.delayMs());
    this.#report();
  }

  #refuseAll(refusal: Error): void {
    for (const call of this.#waiting.splice(0)) call.reject(refusal);
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(refusal);
  }

  async #shutDown(graceMs: number): Promise<void> {
    clearTimeout(this.#restartTimer);
    this.#refuseAll(new Draining(STOPPING_RETRY_AFTER_S));
    const call = this.#current;
    if (call) await Promise.race([call.promise.catch(() => {}), sleep(graceMs, undefined, { ref: false })]);
    if (this.#current) {
      this.#current.reject(new Draining(STOPPING_RETRY_AFTER_S));
      this.#letGo();
      this.#child?.kill("still busy when it was stopped");
    }
    await this.#endChild();
    this.#clock.stop();
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
