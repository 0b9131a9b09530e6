import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Draining } from "@armature/core";
import { expect, test, vi } from "vitest";
import { EngineCrashed, EngineUnavailable } from "./errors.js";
import { startEcho } from "./testing/start-echo.js";

test("process.exit in a call costs that call only", async () => {
  const { engine, states } = startEcho();
  await engine.ready();
  const first = engine.state().pid;
  const calls = [engine.run("echo", 1), engine.run("exit", { code: 3 }), engine.run("echo", 2), engine.run("echo", 3)];
  const [before, lost, ...after] = await Promise.allSettled(calls);
  expect(before).toMatchObject({ value: 1 });
  expect(lost).toMatchObject({ reason: { message: "The echo engine crashed: ended with exit code 3" } });
  expect(lost?.status === "rejected" && lost.reason).toBeInstanceOf(EngineCrashed);
  expect(after).toMatchObject([{ value: 2 }, { value: 3 }]);
  expect(engine.state()).toMatchObject({ status: "ready", restarts: 1 });
  expect(engine.state().pid).not.toBe(first);
  const path = states.map((state) => state.status).filter((status, i, all) => status !== all[i - 1]);
  expect(path).toEqual(["starting", "ready", "busy", "restarting", "busy", "ready"]);
  expect(states.find((state) => state.status === "restarting")?.reason).toBe("ended with exit code 3");
});

test("SIGKILL from outside is reported with a guess at its cause", async () => {
  const { engine } = startEcho();
  const onProgress = () => process.kill(engine.state().pid!, "SIGKILL");
  await expect(engine.run("stall", null, { onProgress })).rejects.toThrow(
    "The echo engine crashed: killed by SIGKILL: perhaps out of memory",
  );
});

test("a process that closes its channel is replaced", async () => {
  const { engine } = startEcho();
  await expect(engine.run("disconnect", null)).rejects.toBeInstanceOf(EngineCrashed);
  expect(await engine.run("echo", "next")).toBe("next");
});

test("an uncaught exception outside a call costs a restart and no call", async () => {
  const { engine, logs, states } = startEcho();
  await engine.run("throwLater", null);
  await vi.waitFor(() => expect(engine.state().restarts).toBe(1), { timeout: 30_000 });
  // not of the state now: the new process may be ready already
  expect(states.find(({ status }) => status === "restarting")?.reason).toContain("an uncaught exception ended it");
  expect(await engine.run("echo", "next")).toBe("next");
  expect(engine.state().reason).toBeUndefined();
  await expect(engine.run("exit", { code: 4 })).rejects.toThrow("ended with exit code 4"); // not the former reason
  expect(logs.some((entry) => entry.message.includes("RangeError: nobody catches this"))).toBe(true);
});

test("a call whose process died before it began is run by the next process", async () => {
  const { engine } = startEcho();
  await engine.ready();
  const pid = engine.state().pid!;
  process.kill(pid, "SIGSTOP"); // takes the message, does not begin
  const call = engine.run("describe", null);
  process.kill(pid, "SIGKILL");
  expect((await call).pid).not.toBe(pid);
});

test("a payload that ends each process before the call begins is given up after its second try", async () => {
  const { engine } = startEcho({ execArgv: ["--stack-size=100"] });
  let nested: unknown[] = [];
  for (let depth = 0; depth < 3000; depth++) nested = [nested]; // too deep for the small stack of the engine
  const call = engine.run("echo", nested);
  const next = engine.run("echo", "next");
  await expect(call).rejects.toBeInstanceOf(EngineCrashed);
  expect(await next).toBe("next");
  expect(engine.state().restarts).toBe(2);
});

test("killed at random moments, every call gets exactly one answer and the next ones work", async () => {
  const random = generator(20230210);
  const { engine } = startEcho();
  let crashed = 0;
  for (let round = 0; round < 30; round++) {
    const answers = [0, 0, 0, 0];
    const calls = answers.map(async (_, i) => {
      const progress = { afterAnswer: false };
      const onProgress = () => {
        progress.afterAnswer ||= answers[i] !== 0;
      };
      const outcome = await engine.run("count", { steps: 2 + i, stepMs: 2 }, { onProgress }).catch((error) => error);
      answers[i]! += 1;
      if (outcome instanceof EngineCrashed) crashed += 1;
      else expect(outcome).toBe(2 + i);
      return progress;
    });
    await sleep(random() * 40);
    const { pid, restarts } = engine.state();
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    expect(await Promise.all(calls)).toEqual(calls.map(() => ({ afterAnswer: false })));
    expect(answers).toEqual([1, 1, 1, 1]);
    if (pid !== undefined)
      await vi.waitUntil(() => engine.state().restarts === restarts + 1, { interval: 1, timeout: 30_000 });
    expect(await engine.run("echo", round)).toBe(round);
  }
  expect(crashed).toBeGreaterThan(5);
  expect(crashed).toBeLessThanOrEqual(30);
});

test("an engine whose setup fails says why, refuses at once, and recovers when setup works again", async () => {
  const needs = join(mkdtempSync(join(tmpdir(), "engine-")), "weights");
  const limits = { maxStartFailures: 3, failedRetryMs: 400 };
  const { engine, states } = startEcho({ settings: { needs }, limits });
  const waiting = engine.run("echo", 1);
  const reason = `setup failed: ${needs}: not found`;
  await expect(engine.ready()).rejects.toThrow(`The echo engine does not start: ${reason}`);
  await expect(waiting).rejects.toBeInstanceOf(EngineUnavailable);
  expect(engine.state()).toMatchObject({ status: "failed", reason, restarts: 3 });
  await expect(engine.run("echo", 2)).rejects.toMatchObject({ code: "engine-unavailable", retryAfterS: 1 });

  writeFileSync(needs, "");
  await vi.waitUntil(() => engine.state().status === "ready", { timeout: 30_000 });
  expect(await engine.run("echo", 3)).toBe(3);
  // a slow test may have let it try in vain once more before the file was there
  const { restarts } = states.findLast((state) => state.status === "failed")!;
  expect(engine.state()).toMatchObject({ status: "ready", restarts });
});

test("an entry that cannot be loaded and a setup that takes too long are failures to start", async () => {
  const missing = startEcho({ entry: new URL("file:///nowhere/engine.mjs"), limits: { maxStartFailures: 1 } });
  const slow = startEcho({
    settings: { setup: "sleeps" },
    limits: { startTimeoutMs: 1000, tickMs: 50, maxStartFailures: 1 },
  });
  await expect(missing.engine.ready()).rejects.toThrow("ended with exit code 1, before it was ready");
  await vi.waitUntil(() => missing.logs.some((entry) => entry.message.includes("Cannot find module")), {
    timeout: 30_000,
  });
  await expect(slow.engine.ready()).rejects.toThrow("setup took more than 1 s");
});

test("stop lets the running call end, refuses those that wait, and ends the process", async () => {
  const { engine, logs } = startEcho();
  await engine.ready();
  const pid = engine.state().pid!;
  const running = engine.run("count", { steps: 10, stepMs: 20 });
  const waiting = engine.run("echo", 1);
  const stopped = engine.stop();
  // A signal to the whole group of processes, as from Ctrl-C, must not cut the call off.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.kill(pid, signal);
  await expect(waiting).rejects.toBeInstanceOf(Draining);
  await expect(engine.run("echo", 2)).rejects.toBeInstanceOf(Draining);
  await expect(engine.ready()).rejects.toBeInstanceOf(Draining);
  expect(await running).toBe(10);
  await stopped;
  expect(engine.state()).toEqual({ status: "stopped", restarts: 0 });
  expect(alive(pid)).toBe(false);
  expect(logs).toEqual([{ level: "info", message: "The echo engine process is gone: ended with exit code 0", pid }]);
  await engine.stop();
});

test("stop ends a call that takes longer than the grace, and a process that is still starting", async () => {
  const busy = startEcho();
  const starting = startEcho({ settings: { setup: "sleeps" } });
  const blocked = startEcho({ settings: { setup: "blocks" } });
  await busy.engine.ready();
  await vi.waitUntil(() => blocked.logs.some((entry) => entry.message === "blocked"), { timeout: 30_000 });
  const engines = [busy.engine, starting.engine, blocked.engine];
  const pids = engines.map((engine) => engine.state().pid!);
  const outcome = expect(busy.engine.run("stall", null)).rejects.toBeInstanceOf(Draining);
  await Promise.all([outcome, ...engines.map((engine) => engine.stop({ graceMs: 50 }))]);
  expect(pids.map(alive)).toEqual([false, false, false]);
});

test("the engine ends when its parent is killed", async () => {
  const script = fileURLToPath(new URL("testing/echo-parent.mjs", import.meta.url));
  const parent = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const [output] = await once(parent.stdout, "data");
  const pid = Number(output);
  expect(alive(pid)).toBe(true);
  parent.kill("SIGKILL");
  await vi.waitUntil(() => !alive(pid), { timeout: 30_000 });
});

/** A process that has ended but whose new parent has not asked for its exit code counts as gone. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Numbers in [0, 1) that are the same in each run (multiplicative congruential, modulus 2^31 - 1). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}
