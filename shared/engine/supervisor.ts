/** Keeps one engine process running: starts it, watches it, and restarts it when it ends. Calls are the call line's. */

import { setTimeout as sleep } from "node:timers/promises";
import { Cancelled, Draining, type WireError } from "@armature/core";
import { AwakeClock } from "./awake-clock.js";
import { CallLine } from "./call-line.js";
import { type Child, forkChild } from "./child.js";
import {
  DEFAULT_LIMITS,
  type EngineLimits,
  type EngineLog,
  type EngineOptions,
  type EngineState,
} from "./engine-options.js";
import { EngineUnavailable } from "./errors.js";
import type { CallOptions, PendingCall } from "./pending-call.js";
import type { FromEngine } from "./protocol.js";
import { RestartBackoff } from "./restart-backoff.js";
import { Watchdog } from "./watchdog.js";

/** How long a client of an engine that is being stopped should wait before it asks again, in seconds. */
const STOPPING_RETRY_AFTER_S = 5;
const STOP_GRACE_MS = 30_000;

/** The untyped inside of `Engine`; its methods are documented there. */
export class Supervisor {
  readonly #options: EngineOptions;
  readonly #limits: EngineLimits;
  readonly #backoff: RestartBackoff;
  readonly #clock: AwakeClock;
  readonly #calls: CallLine;
  readonly #readyWaiters: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #child: Child | undefined;
  /** Watches this child. */
  #watchdog: Watchdog;
  #serving = false;
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
    this.#calls = this.#callLine();
    this.#launch();
  }

  async run(kind: string, payload: unknown, options: CallOptions = {}): Promise<unknown> {
    const refusal = this.#refusal();
    if (refusal) throw refusal;
    if (options.signal?.aborted) throw new Cancelled();
    return this.#calls.add(kind, payload, options);
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
    if (this.#serving) return this.#calls.current ? "busy" : "ready";
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

  #callLine(): CallLine {
    const { cancelGraceMs } = this.#limits;
    return new CallLine({
      name: this.#options.name,
      isServing: () => this.#serving,
      send: (message) => this.#child?.send(message),
      onProgress: (call, event) => this.#allow(call, event),
      onCancel: () => this.#watchdog.expect("cancellation", { what: "a cancelled call", ms: cancelGraceMs }),
      onIdle: () => this.#watchdog.done("call", "cancellation"),
      onAnswer: () => this.#backoff.answered(),
      onChange: () => this.#report(),
      logError: (message) => this.#log("error", message),
    });
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
      default:
        this.#calls.receive(message);
    }
  }

  #becomeReady(): void {
    this.#watchdog.done("start");
    this.#serving = true;
    this.#backoff.ready();
    for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
    this.#calls.dispatch();
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

  #ended(exit: string): void {
    const wasReady = this.#serving;
    this.#reason = this.#lastWords ?? (wasReady ? exit : `${exit}, before it was ready`);
    this.#log(this.#stopping ? "info" : "error", `The ${this.#options.name} engine process is gone: ${this.#reason}`);
    this.#child = undefined;
    this.#watchdog = new Watchdog(this.#limits.silentMs); // nobody is watched until the next start
    this.#serving = false;
    this.#lastWords = undefined;
    this.#calls.lose(this.#reason, !this.#stopping);
    if (this.#stopping) this.#onChildEnd?.();
    else this.#restart(wasReady);
  }

  #restart(wasReady: boolean): void {
    this.#backoff.ended(wasReady);
    const refusal = this.#refusal();
    if (refusal) this.#refuseAll(refusal);
    this.#restartTimer = setTimeout(() => this.#launch(), this.#backoff.delayMs());
    this.#report();
  }

  #refuseAll(refusal: Error): void {
    this.#calls.refuseWaiting(refusal);
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(refusal);
  }

  async #shutDown(graceMs: number): Promise<void> {
    clearTimeout(this.#restartTimer);
    this.#refuseAll(new Draining(STOPPING_RETRY_AFTER_S));
    const call = this.#calls.current;
    if (call) await Promise.race([call.promise.catch(() => {}), sleep(graceMs, undefined, { ref: false })]);
    if (this.#calls.current) {
      this.#calls.refuseCurrent(new Draining(STOPPING_RETRY_AFTER_S));
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
