/** The calls of an engine: they wait in line, are handed to its process one at a time, and are settled by what it answers. */
import { Cancelled, fromWireError } from "@armature/core";
import { EngineCrashed } from "./errors.js";
import { type CallOptions, PendingCall } from "./pending-call.js";
import type { FromEngine, ToEngine } from "./protocol.js";

/** What the process says of a call. */
type CallMessage = Extract<FromEngine, { id: number }>;

interface CallLineOptions {
  /** Name of the engine in messages. */
  name: string;
  /** Whether the process can take a call now. */
  isServing(): boolean;
  /** Throws where the message cannot be cloned. */
  send(message: ToEngine): void;
  /** The process has begun with a call, or got further with it: how long it may take from now on. */
  onProgress(call: PendingCall, event: unknown): void;
  /** A call is to end at its next checkpoint. */
  onCancel(): void;
  /** The process works on no call any more. */
  onIdle(): void;
  /** The process has answered a call. */
  onAnswer(): void;
  /** The line or the call in the process has changed. */
  onChange(): void;
  logError(message: string): void;
}

/** A call whose process ended before it began, or while it loaded, is tried once more, not for ever: perhaps it ended the process. */
const MAX_ATTEMPTS = 2;

export class CallLine {
  readonly #options: CallLineOptions;
  readonly #waiting: PendingCall[] = [];
  #current: PendingCall | undefined;
  #lastId = 0;

  constructor(options: CallLineOptions) {
    this.#options = options;
  }

  /** The call that the process works on. */
  get current(): PendingCall | undefined {
    return this.#current;
  }

  /** Puts a call at the end of the line; gives its result. */
  add(kind: string, payload: unknown, options: CallOptions): Promise<unknown> {
    this.#lastId += 1;
    const call = new PendingCall(this.#lastId, kind, payload, options, (aborted) => this.#cancel(aborted));
    this.#waiting.push(call);
    this.dispatch();
    return call.promise;
  }

  /** Hands the next waiting call to the process if that is idle. */
  dispatch(): void {
    while (this.#options.isServing() && !this.#current) {
      const call = this.#waiting.shift();
      if (!call) return;
      this.#hand(call);
    }
  }

  /** What a call reports after its own end is dropped. */
  receive(message: CallMessage): void {
    const call = this.#current;
    if (call?.id !== message.id) return;
    switch (message.type) {
      case "started":
        call.started = true;
        break;
      case "progress":
        this.#options.onProgress(call, message.event);
        this.#passOn(call, message.event);
        break;
      case "result":
        this.#answered(call, () => call.resolve(message.result));
        break;
      case "error":
        if (message.error.trace !== undefined) this.#options.logError(message.error.trace);
        this.#answered(call, () => call.reject(fromWireError(message.error)));
        break;
    }
  }

  /** The process is gone. A call that can be repeated goes back to the head of the line, if `mayRepeat`. */
  lose(reason: string, mayRepeat: boolean): void {
    const call = this.#current;
    this.#letGo();
    if (!call) return;
    if (call.aborted) call.reject(new Cancelled());
    else if (mayRepeat && call.repeatable && call.attempts < MAX_ATTEMPTS) this.#takeBack(call);
    else call.reject(new EngineCrashed(`The ${this.#options.name} engine crashed: ${reason}`));
  }

  /** Refuses the calls that wait. */
  refuseWaiting(refusal: Error): void {
    for (const call of this.#waiting.splice(0)) call.reject(refusal);
  }

  /** Refuses the call that the process works on, and waits for it no longer. */
  refuseCurrent(refusal: Error): void {
    this.#current?.reject(refusal);
    this.#letGo();
  }

  #hand(call: PendingCall): void {
    try {
      this.#options.send({ type: "run", id: call.id, kind: call.kind, payload: call.payload });
    } catch (error) {
      call.reject(error); // the payload cannot be cloned
      return;
    }
    call.attempts += 1;
    this.#current = call;
    this.#options.onProgress(call, undefined);
    this.#options.onChange();
  }

  #passOn(call: PendingCall, event: unknown): void {
    try {
      call.options.onProgress?.(event);
    } catch (error) {
      this.#options.logError(`A progress callback failed: ${error instanceof Error ? error.stack : error}`);
    }
  }

  /** A caller that cancelled gets Cancelled, even if the answer was already on its way. */
  #answered(call: PendingCall, settle: () => void): void {
    this.#letGo();
    this.#options.onAnswer();
    if (call.aborted) call.reject(new Cancelled());
    else settle();
    this.dispatch();
    this.#options.onChange();
  }

  #cancel(call: PendingCall): void {
    if (call === this.#current) {
      this.#options.send({ type: "cancel", id: call.id });
      this.#options.onCancel();
    } else {
      this.#waiting.splice(this.#waiting.indexOf(call), 1);
      call.reject(new Cancelled());
    }
  }

  #takeBack(call: PendingCall): void {
    call.started = false;
    this.#waiting.unshift(call);
  }

  #letGo(): void {
    this.#current = undefined;
    this.#options.onIdle();
  }
}
