/** An engine for tests: its calls echo, count, fail and misbehave on demand. Needs the built code (`npm run build`). */

import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { InvalidModel, InvalidRequest } from "@armature/core";
import { QueueFull } from "@armature/jobs";
import { serveEngine } from "../dist/serve-engine.js";

const FAILURES = {
  "invalid-request": () => new InvalidRequest([{ pointer: "/steps", detail: "must be at least 1" }]),
  "queue-full": () => new QueueFull(7),
  "invalid-model": () => new InvalidModel("unet.safetensors: truncated", { cause: new Error("short read") }),
  type: () => new TypeError("steps is not iterable"),
  string: () => "only a string",
};

serveEngine(async (settings) => {
  if (settings.needs && !existsSync(settings.needs)) throw new InvalidModel(`${settings.needs}: not found`);
  if (settings.setup === "sleeps") await sleep(60_000);
  if (settings.setup === "blocks") {
    console.log("blocked");
    block(60_000);
  }
  return {
    echo: async (payload) => payload,
    // Bytes that really came over: of the message that holds the view, not of the view alone.
    held: async (view) => view.buffer.byteLength,
    count: async ({ steps, stepMs }, call) => {
      for (let step = 1; step <= steps; step++) {
        call.progress(step);
        block(stepMs);
        await call.checkpoint();
      }
      return steps;
    },
    ignoreCancel: async ({ ms }) => {
      await sleep(ms);
      return "done anyway";
    },
    stall: async (_, call) => {
      call.progress(1);
      block(60_000);
    },
    compute: async ({ ms }) => block(ms),
    // Hangs as a driver that never answers does: the thread waits, and computes nothing.
    hang: async () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
    // Hangs as a driver that asks again and again does: it computes a little.
    trickle: async () => {
      for (;;) {
        block(100);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900);
      }
    },
    // Answers, and hangs then, without a call.
    hangLater: async () => void setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 100),
    // Ends the process where the file is not there yet, after an event of that name.
    dieOnce: async ({ event, file }, call) => {
      call.progress(event);
      await call.checkpoint();
      if (existsSync(file)) return "done";
      writeFileSync(file, "");
      process.exit(5);
    },
    fail: async ({ how }) => {
      throw FAILURES[how]();
    },
    exit: async ({ code }) => process.exit(code),
    disconnect: async () => {
      process.disconnect();
      await sleep(60_000);
    },
    throwLater: async () => {
      setTimeout(() => {
        throw new RangeError("nobody catches this");
      });
    },
    uncloneable: async () => () => {},
    print: async ({ out, err }) => {
      process.stdout.write(out);
      process.stderr.write(err);
    },
    describe: async () => ({
      pid: process.pid,
      env: { ...process.env },
      execArgv: process.execArgv,
      settings,
      listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    }),
  };
});

/** Holds the thread, and with it the event loop, as a model's step does. */
function block(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
