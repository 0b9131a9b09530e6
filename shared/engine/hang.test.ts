/** What becomes of an engine that hangs: stopped, or in a driver that never returns. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { EngineCrashed } from "./errors.js";
import { startEcho } from "./testing/start-echo.js";

/** Long enough for a busy machine to let the heartbeat's thread have its turn. */
const limits = { silentMs: 4000, tickMs: 100 };
const SILENT = "its process gave no sign of life for 4 s";

test("an idle engine that is stopped is told of, ended, and replaced", async () => {
  const { engine, states } = startEcho({ limits });
  await engine.run("echo", 1);
  const pid = engine.state().pid!;
  await sleep(1500); // a beat has come
  process.kill(pid, "SIGSTOP");
  await vi.waitUntil(() => engine.state().restarts === 1, { timeout: 30_000 });
  const told = states.map(({ status, reason }) => [status, reason]);
  expect(told).toContainEqual(["unresponsive", "its process gives no sign of life"]);
  expect(told).toContainEqual(["restarting", SILENT]);
  expect((await engine.run("describe", null)).pid).not.toBe(pid);
});

test("a call in an engine that is stopped fails and says why, and the next one works", async () => {
  const { engine } = startEcho({ limits });
  await engine.ready();
  await sleep(1500);
  const onProgress = () => process.kill(engine.state().pid!, "SIGSTOP");
  const error = await engine.run("stall", null, { onProgress }).catch((error) => error);
  expect(error).toBeInstanceOf(EngineCrashed);
  expect(error.message).toBe(`The echo engine crashed: ${SILENT}`);
  expect(await engine.run("echo", "next")).toBe("next");
});

test("a driver that never returns is noticed by its idleness, though the process gives signs of life", async () => {
  const { engine, states } = startEcho({ limits });
  const allow = () => ({ what: "loading", ms: 60_000, idleMs: 5000 });
  await expect(engine.run("hang", null, { allow })).rejects.toThrow(
    "The echo engine crashed: loading computed, read and wrote next to nothing for 5 s",
  );
  const suspected = { status: "unresponsive", reason: "loading computes, reads and writes next to nothing" };
  expect(states).toContainEqual(expect.objectContaining(suspected));
  expect(await engine.run("echo", "next")).toBe("next");
});

test("a driver that computes a little while it hangs is noticed as soon", async () => {
  const { engine } = startEcho({ limits });
  const allow = () => ({ what: "loading", ms: 60_000, idleMs: 5000, leastCpuMs: 2500 });
  await expect(engine.run("trickle", null, { allow })).rejects.toThrow(
    "The echo engine crashed: loading computed, read and wrote next to nothing for 5 s",
  );
});

test("a main thread that is held without a call is noticed before the next one comes", async () => {
  const { engine, states } = startEcho({ limits });
  await engine.run("hangLater", null);
  await vi.waitUntil(() => engine.state().restarts === 1, { timeout: 30_000 });
  const told = states.map(({ status, reason }) => [status, reason]);
  expect(told).toContainEqual(["unresponsive", "its process gives no sign of life"]);
  expect(told).toContainEqual(["restarting", SILENT]);
});

test("an idle engine whose main thread is free stays", async () => {
  const { engine, states } = startEcho({ limits });
  await engine.run("echo", 1);
  await sleep(12_000);
  expect(states.map(({ status }) => status)).not.toContain("unresponsive");
  expect(engine.state()).toMatchObject({ status: "ready", restarts: 0 });
});

test("a long call that holds the thread and computes is not idle, nor silent", async () => {
  const { engine } = startEcho({ limits });
  const allow = () => ({ what: "a step", ms: 60_000, idleMs: 5000 });
  await engine.run("compute", { ms: 9000 }, { allow });
  expect(engine.state().restarts).toBe(0);
});

test("where service and engine are stopped together, as with the machine, no time has passed", async () => {
  const script = fileURLToPath(new URL("testing/echo-parent.mjs", import.meta.url));
  const parent = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  createInterface({ input: parent.stdout }).on("line", (line) => lines.push(line));
  try {
    await vi.waitUntil(() => lines.length > 0, { timeout: 30_000 });
    const pids = [Number(lines[0]), parent.pid!];
    await sleep(1500);
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    await sleep(6000);
    for (const pid of pids) process.kill(pid, "SIGCONT");
    await sleep(1500);
    expect(lines).toHaveLength(1);
    process.kill(pids[0]!, "SIGSTOP"); // alone, and it is noticed
    await vi.waitUntil(() => lines.some((line) => line.includes(SILENT)), { timeout: 30_000 });
  } finally {
    parent.kill("SIGKILL");
  }
});

test("a call whose process ends while it loads is tried once more, one that has begun is not", async () => {
  const { engine } = startEcho();
  const allow = (event: string | undefined) => ({ what: "a call", ms: 60_000, repeatable: event === "loading" });
  const file = () => join(mkdtempSync(join(tmpdir(), "engine-")), "died");
  expect(await engine.run("dieOnce", { event: "loading", file: file() }, { allow })).toBe("done");
  expect(engine.state().restarts).toBe(1);
  await expect(engine.run("dieOnce", { event: "computing", file: file() }, { allow })).rejects.toThrow(
    "The echo engine crashed: ended with exit code 5",
  );
});

test("a call that ends each process while it loads is given up after its second try", async () => {
  const { engine } = startEcho();
  const allow = () => ({ what: "loading", ms: 60_000, repeatable: true });
  await expect(engine.run("exit", { code: 6 }, { allow })).rejects.toBeInstanceOf(EngineCrashed);
  expect(engine.state().restarts).toBe(2);
});
