import { getEventListeners, setMaxListeners } from "node:events";
import { AppError, Cancelled, InvalidModel, InvalidRequest } from "@armature/core";
import { QueueFull } from "@armature/jobs";
import { afterEach, expect, test, vi } from "vitest";
import { EngineCrashed } from "./errors.js";
import { startEcho } from "./testing/start-echo.js";

afterEach(() => void vi.useRealTimers());

/** From here on the supervisor's clock stands still but where the test advances it: the engine may be as slow as it likes. */
function holdClock(): void {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
}

test("big typed arrays come back with the same bytes and types", async () => {
  const { engine } = startEcho();
  const picture = Buffer.alloc(3 * 1024 * 1024, 7);
  const latents = Float32Array.from({ length: 4 * 1024 * 1024 }, (_, i) => Math.fround(Math.sin(i)));
  const sent = { latents, picture, half: new Uint16Array([1, 65535]), ids: new BigInt64Array([-5n]), seed: Number.NaN };
  const got = (await engine.run("echo", sent)) as typeof sent;
  expect(got.latents).toBeInstanceOf(Float32Array);
  expect(
    Buffer.compare(Buffer.from(got.latents.buffer, got.latents.byteOffset, got.latents.byteLength), bytes(latents)),
  ).toBe(0);
  expect(picture.equals(got.picture)).toBe(true);
  expect(got).toMatchObject({ half: sent.half, ids: sent.ids, seed: Number.NaN });
});

test("of a view on a large buffer only the part it shows is sent", async () => {
  const { engine } = startEcho();
  const view = new Float32Array(8 * 1024 * 1024).subarray(1000, 1016);
  expect(await engine.run("held", view)).toBeLessThan(65536);
});

test("progress arrives in order, before the result, while the engine computes", async () => {
  const { engine } = startEcho();
  const seen: number[] = [];
  const states: string[] = [];
  const onProgress = (step: number) => {
    seen.push(step);
    states.push(engine.state().status);
  };
  expect(await engine.run("count", { steps: 20, stepMs: 1 }, { onProgress })).toBe(20);
  expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(new Set(states)).toEqual(new Set(["busy"]));
});

test("several outstanding calls run one after another, in order", async () => {
  const { engine } = startEcho();
  const order: string[] = [];
  const results = await Promise.all(
    ["a", "b", "c"].map((name) =>
      engine.run("count", { steps: 2, stepMs: 1 }, { onProgress: (step) => order.push(`${name}${step}`) }),
    ),
  );
  expect(results).toEqual([2, 2, 2]);
  expect(order).toEqual(["a1", "a2", "b1", "b2", "c1", "c2"]);
});

test("errors of the application arrive as their own class with their fields", async () => {
  const { engine, logs } = startEcho();
  const invalid = await engine.run("fail", { how: "invalid-request" }).catch((error) => error);
  expect(invalid).toBeInstanceOf(InvalidRequest);
  expect(invalid).toMatchObject({
    ...{ name: "InvalidRequest", code: "invalid-request", message: "/steps: must be at least 1" },
    issues: [{ pointer: "/steps", detail: "must be at least 1" }],
  });
  const full = await engine.run("fail", { how: "queue-full" }).catch((error) => error);
  expect(full).toBeInstanceOf(QueueFull);
  expect(full).toMatchObject({ retryAfterS: 7, message: "The queue is full; retry in 7 s" });
  expect(logs.filter((entry) => entry.level === "error")).toEqual([]);
});

test("other errors arrive as a plain Error with its stack; the causes go to the log only", async () => {
  const { engine, logs } = startEcho();
  const type = await engine.run("fail", { how: "type" }).catch((error) => error);
  expect(type.constructor).toBe(Error);
  expect(type).not.toBeInstanceOf(AppError);
  expect(type.message).toBe("steps is not iterable");
  expect(type.stack).toMatch(/^TypeError: steps is not iterable\n.*echo-engine\.mjs/); // where it was thrown
  expect(errorsOf(logs)).toMatch(/TypeError: steps is not iterable\n.*echo-engine\.mjs/);

  expect(await engine.run("fail", { how: "string" }).catch((error) => error.message)).toBe("only a string");
  const model = await engine.run("fail", { how: "invalid-model" }).catch((error) => error);
  expect(model).toBeInstanceOf(InvalidModel);
  expect(model.cause).toBeUndefined();
  expect(errorsOf(logs)).toMatch(/caused by: Error: short read\n/);
});

test("what cannot be cloned fails its own call, and the next one works", async () => {
  const { engine } = startEcho();
  const payload = engine.run("echo", { callback: () => {} });
  const next = engine.run("echo", "next");
  await expect(payload).rejects.toThrow(/could not be cloned/);
  expect(await next).toBe("next");
  await expect(engine.run("uncloneable", null)).rejects.toThrow(/could not be cloned/);
  expect(await engine.run("echo", 1)).toBe(1);
  expect(() => startEcho({ settings: { needs: (() => {}) as never } })).toThrow(/could not be cloned/);
});

test("an unknown kind of call is an error that lists the known ones", async () => {
  const { engine } = startEcho();
  // @ts-expect-error: kinds are checked by the compiler where a service is written in TypeScript
  await expect(engine.run("toString", null)).rejects.toThrow(/has no call "toString"; it has echo, held, count/);
  // @ts-expect-error: and so are payloads
  expect(await engine.run("count", { steps: 0 })).toBe(0);
});

test("a failing progress callback is logged and harms nothing", async () => {
  const { engine, logs } = startEcho();
  const onProgress = () => {
    throw new Error("response is closed");
  };
  expect(await engine.run("count", { steps: 2, stepMs: 0 }, { onProgress })).toBe(2);
  expect(errorsOf(logs)).toContain("response is closed");
});

test("a waiting call is cancelled at once and never starts", async () => {
  const { engine } = startEcho();
  const first = engine.run("count", { steps: 5, stepMs: 20 });
  const controller = new AbortController();
  const onProgress = vi.fn();
  const second = engine.run("count", { steps: 5, stepMs: 0 }, { signal: controller.signal, onProgress });
  const third = engine.run("echo", "third");
  controller.abort();
  await expect(second).rejects.toBeInstanceOf(Cancelled);
  expect(await Promise.all([first, third])).toEqual([5, "third"]);
  expect(onProgress).not.toHaveBeenCalled();
  await expect(engine.run("echo", 1, { signal: controller.signal })).rejects.toBeInstanceOf(Cancelled);
});

test("a running call is cancelled by its next checkpoint, though its steps hold the thread", async () => {
  const { engine } = startEcho();
  await engine.ready();
  const controller = new AbortController();
  const seen: number[] = [];
  const call = engine.run(
    "count",
    { steps: 50, stepMs: 100 },
    {
      signal: controller.signal,
      onProgress: (step) => {
        seen.push(step);
        if (step === 1) controller.abort();
      },
    },
  );
  const next = engine.run("describe", null);
  await expect(call).rejects.toBeInstanceOf(Cancelled);
  expect(seen).toEqual([1]);
  expect((await next).pid).toBe(engine.state().pid);
  expect(engine.state()).toMatchObject({ status: "ready", restarts: 0 });
});

test("a cancelled call that finishes within its grace is still Cancelled, and the next may take longer", async () => {
  holdClock();
  const { engine } = startEcho({ limits: { cancelGraceMs: 500, tickMs: 1 } });
  await engine.ready();
  const controller = new AbortController();
  const cancelled = engine.run("ignoreCancel", { ms: 100 }, { signal: controller.signal });
  controller.abort();
  vi.advanceTimersByTime(499);
  await expect(cancelled).rejects.toBeInstanceOf(Cancelled);
  const next = engine.run("ignoreCancel", { ms: 100 });
  vi.advanceTimersByTime(600);
  expect(await next).toBe("done anyway");
  expect(engine.state()).toMatchObject({ status: "ready", restarts: 0 });
});

test("a call that ignores its cancellation is killed after the grace, and the next one works", async () => {
  const { engine, logs } = startEcho({ limits: { cancelGraceMs: 200, tickMs: 20 } });
  await engine.ready();
  const call = engine.run("ignoreCancel", { ms: 60_000 }, { signal: AbortSignal.timeout(20) });
  const next = engine.run("echo", "next");
  await expect(call).rejects.toBeInstanceOf(Cancelled);
  expect(engine.state()).toMatchObject({ status: "restarting", restarts: 1 });
  expect(errorsOf(logs)).toContain("a cancelled call took more than 0.2 s");
  expect(await next).toBe("next");
});

test("a call without progress for longer than it is allowed is killed; one with progress may take longer", async () => {
  holdClock();
  const { engine } = startEcho({ limits: { tickMs: 1 } });
  const allow = () => ({ what: "counting", ms: 300 });
  const onProgress = () => void vi.advanceTimersByTime(299);
  expect(await engine.run("count", { steps: 20, stepMs: 0 }, { allow, onProgress })).toBe(20);
  const silent = vi.fn(() => void vi.advanceTimersByTime(300));
  const stalled = await engine.run("stall", null, { allow, onProgress: silent }).catch((error) => error);
  expect(silent).toHaveBeenCalledOnce();
  expect(stalled).toBeInstanceOf(EngineCrashed);
  expect(stalled.message).toBe("The echo engine crashed: counting took more than 0.3 s");
  expect(await engine.run("echo", "next")).toBe("next");
});

test("200 calls leave no listener on their common signal, in the engine or in its parent", async () => {
  const { engine } = startEcho();
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const before = (await engine.run("describe", null)).listeners;
  const own = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  const calls = Array.from({ length: 200 }, (_, i) =>
    i % 3 === 0 ? engine.run("fail", { how: "queue-full" }, { signal }) : engine.run("echo", i, { signal }),
  );
  const settled = await Promise.allSettled(calls);
  expect(settled.filter((call) => call.status === "rejected")).toHaveLength(67);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  expect((await engine.run("describe", null)).listeners).toBe(before);
  expect(process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)).toBe(own);
});

test("output is logged line by line with its process id", async () => {
  const { engine, logs } = startEcho();
  await engine.run("print", { out: "half a ", err: "W: slow\r\n" });
  await engine.run("print", { out: "line\nänd another\n", err: "" });
  await vi.waitFor(
    () => expect(logs).toContainEqual({ level: "info", message: "änd another", pid: engine.state().pid }),
    { timeout: 30_000 },
  );
  expect(logs).toContainEqual({ level: "info", message: "half a line", pid: engine.state().pid });
  expect(logs).toContainEqual({ level: "warn", message: "W: slow", pid: engine.state().pid });
});

test("the engine gets its settings, its options and only the variables it needs", async () => {
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  vi.stubEnv("VK_ICD_FILENAMES", "/icd.json");
  const { engine } = startEcho({
    ...{ settings: { needs: import.meta.filename }, env: { MALLOC_ARENA_MAX: "2" } },
    execArgv: ["--max-old-space-size=128"],
  });
  const got = await engine.run("describe", null);
  vi.unstubAllEnvs();
  expect(got.settings).toEqual({ needs: import.meta.filename });
  expect(got.execArgv).toEqual(["--max-old-space-size=128"]);
  expect(got.env).toMatchObject({ MALLOC_ARENA_MAX: "2", VK_ICD_FILENAMES: "/icd.json", PATH: process.env.PATH });
  expect(got.env).not.toHaveProperty("AWS_SECRET_ACCESS_KEY");
  expect(got.env).not.toHaveProperty("NODE_OPTIONS");
});

function bytes(view: Float32Array): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

function errorsOf(logs: { level: string; message: string }[]): string {
  return logs
    .filter((entry) => entry.level === "error")
    .map((entry) => entry.message)
    .join("\n");
}
