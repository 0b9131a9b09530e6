/** The inside of an engine process: takes one call after another from its parent and answers each. */

import { setPriority } from "node:os";
import { setImmediate as turnOfLoop } from "node:timers/promises";
import { Cancelled, toWireError } from "@armature/core";
import { startHeartbeat } from "./heartbeat.js";
import type { CallTable, FromEngine, ToEngine } from "./protocol.js";

export interface CallContext<Progress = unknown> {
  /** Aborted when the call is cancelled; seen after a checkpoint, or any other turn of the event loop. */
  readonly signal: AbortSignal;
  /** Tells the caller how far the call is, which shows that it does not hang. `event` crosses by structured clone. */
  progress(event: Progress): void;
  /** Lets a cancel message in; awaited between steps. Throws Cancelled if there was one. */
  checkpoint(): Promise<void>;
}

/** What an engine does, by kind of call. */
type Handlers<Calls extends CallTable<Calls>> = {
  [Kind in keyof Calls]: (
    payload: Calls[Kind]["payload"],
    call: CallContext<Calls[Kind]["progress"]>,
  ) => Promise<Calls[Kind]["result"]>;
};

/** Priority of the process, behind the one that answers HTTP: with all cores busy computing, a health check waits milliseconds, not a time slice. */
const NICENESS = 5;

type AnyHandler = (payload: unknown, call: CallContext) => Promise<unknown>;

/**
 * Serves the process that forked this one with `startEngine`, until that process ends or lets go of it. `setup` is called once
 * with the settings given there; if it throws, this process tells its parent why and ends.
 * Throws if this process was not forked.
 */
export function serveEngine<Calls extends CallTable<Calls>, Settings = unknown>(
  setup: (settings: Settings) => Promise<Handlers<Calls>>,
): void {
  if (!process.send) throw new Error("This module is an engine: it is started by startEngine, not by itself");
  setPriority(NICENESS);
  const heartbeat = startHeartbeat();
  let handlers: Record<string, AnyHandler> = {};
  let running: { id: number; controller: AbortController } | undefined;

  process.on("message", async (message: ToEngine) => {
    switch (message.type) {
      case "start":
        handlers = await start(() => setup(message.settings as Settings));
        heartbeat.setBusy(false);
        return;
      case "run":
        running = { id: message.id, controller: new AbortController() };
        heartbeat.setBusy(true);
        await answer(message, handlers, running.controller.signal);
        heartbeat.setBusy(false);
        return;
      case "cancel":
        if (running?.id === message.id) running.controller.abort();
        return;
    }
  });
  endWithParent();
}

/**
 * A signal meant for the whole service (Ctrl-C, a service manager) reaches this process too, and would cut off the call that
 * the parent still waits for. Only the parent ends it, by closing the channel or by SIGKILL.
 */
function endWithParent(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  process.on("disconnect", () => process.exit(0));
  if (!process.connected) process.exit(0); // it was gone before this module had loaded
  process.on("uncaughtExceptionMonitor", () => tell({ type: "fatal" }));
}

async function start(setup: () => Promise<object>): Promise<Record<string, AnyHandler>> {
  try {
    const handlers = await setup();
    tell({ type: "ready" });
    return handlers as Record<string, AnyHandler>;
  } catch (error) {
    tell({ type: "setup-failed", error: toWireError(error) });
    process.exit(1);
  }
}

async function answer(
  { id, kind, payload }: Extract<ToEngine, { type: "run" }>,
  handlers: Record<string, AnyHandler>,
  signal: AbortSignal,
): Promise<void> {
  tell({ type: "started", id });
  try {
    const handler = Object.hasOwn(handlers, kind) ? handlers[kind] : undefined;
    if (!handler) throw new Error(`The engine has no call "${kind}"; it has ${Object.keys(handlers).join(", ")}`);
    tell({ type: "result", id, result: await handler(payload, callContext(id, signal)) });
  } catch (error) {
    tell({ type: "error", id, error: toWireError(error) });
  }
}

function callContext(id: number, signal: AbortSignal): CallContext {
  return {
    signal,
    progress: (event) => tell({ type: "progress", id, event }),
    async checkpoint() {
      // One turn may end before the loop has polled for messages (when the step ran in a poll callback); two cannot.
      await turnOfLoop();
      await turnOfLoop();
      if (signal.aborted) throw new Cancelled();
    },
  };
}

/** Throws a DataCloneError for what cannot be cloned. A parent that is gone needs no answer. */
function tell(message: FromEngine): void {
  process.send?.(message, undefined, undefined, () => {});
}
