import { Cancelled, Draining } from "@armature/core";
import { expect, test } from "vitest";
import { settled } from "../../testing/fake-clock.js";
import { testJobs } from "../../testing/test-jobs.js";
import { DeadlineExceeded, QueueFull } from "./errors.js";

test("a job's result and its failure reach the caller", async () => {
  const { snapshot, run, clock } = testJobs();
  const result = run("a");
  await clock.advance(1_000);
  expect(await result).toBe("a");
  const failure = run("b", {
    async work() {
      throw new TypeError("broken");
    },
  });
  await expect(failure).rejects.toThrow(new Error("broken"));
  expect(await snapshot()).toMatchObject({ running: 0, waiting: 0 });
});

test("no more jobs run at once than the concurrency says", async () => {
  const { snapshot, run, started, clock } = testJobs({ concurrency: 2 });
  for (const name of ["a", "b", "c", "d"]) run(name);
  await settled();
  expect(started).toEqual(["a", "b"]);
  expect(await snapshot()).toMatchObject({ running: 2, waiting: 2, waitingCost: 2 });
  await clock.advance(1_000);
  expect(started).toEqual(["a", "b", "c", "d"]);
});

test("a full queue refuses with the seconds that the work ahead takes by the measured rate", async () => {
  const { snapshot, run, clock } = testJobs({ maxWaiting: 2 }, { realSecondsPerCost: 0.5 });
  run("measured", { cost: 10 });
  await clock.advance(5_000);
  expect((await snapshot()).secondsPerCost).toBe(0.5);

  run("running", { cost: 20 }); // 10 s
  run("waiting", { cost: 30 }); // 15 s
  run("waiting too", { cost: 7 }); // 3.5 s
  await clock.advance(4_000);
  expect((await snapshot()).estimatedWaitS).toBeCloseTo(24.5);
  const refusal = await run("too much").catch((error) => error);
  expect(refusal).toBeInstanceOf(QueueFull);
  expect(refusal.retryAfterS).toBe(25); // (10 - 4) + 15 + 3.5, in whole seconds
});

test("the waiting time is shared between concurrent jobs and never below a second", async () => {
  const { run } = testJobs({ maxWaiting: 1, concurrency: 2, secondsPerCost: 2 });
  for (const name of ["a", "b", "c"]) run(name, { cost: 3 });
  expect((await run("d").catch((error) => error)).retryAfterS).toBe(9); // 3 jobs of 6 s in 2 lanes
  const quick = testJobs({ maxWaiting: 0, secondsPerCost: 0.001 });
  quick.run("a");
  expect((await quick.run("b").catch((error) => error)).retryAfterS).toBe(1);
});

test("the measured rate follows the newest jobs by a fifth, weighted by cost", async () => {
  const { snapshot, run, clock } = testJobs();
  const timed = async (cost: number, seconds: number) => {
    const done = run("timed", { cost, work: () => new Promise<void>((end) => clock.after(seconds * 1000, end)) });
    await clock.advance(seconds * 1000);
    await done;
  };
  await timed(10, 10);
  expect((await snapshot()).secondsPerCost).toBe(1);
  await timed(20, 60);
  expect((await snapshot()).secondsPerCost).toBeCloseTo((0.8 * 10 + 0.2 * 60) / (0.8 * 10 + 0.2 * 20));
});

test("a failed or cancelled job does not count as measured", async () => {
  const { snapshot, run, clock } = testJobs();
  const controller = new AbortController();
  await run("failed", { work: async () => Promise.reject(new Error("no")) }).catch(() => {});
  run("left", {
    signal: controller.signal,
    async work(signal) {
      await new Promise<void>((resolve) => clock.after(50, resolve));
      signal.throwIfAborted();
    },
  });
  await settled();
  controller.abort();
  await clock.advance(50);
  expect((await snapshot()).secondsPerCost).toBeUndefined();
});

test("admission goes by cost: small jobs fit where a big one does not", async () => {
  const { run, snapshot } = testJobs({ maxWaitingCost: 100 });
  run("running", { cost: 500 });
  run("waiting", { cost: 60 });
  await expect(run("big", { cost: 50 })).rejects.toBeInstanceOf(QueueFull);
  run("small", { cost: 40 });
  expect(await snapshot()).toMatchObject({ waiting: 2, waitingCost: 100 });
});

test("a job that costs more than may wait is admitted when it is the only one to wait", async () => {
  const { run, snapshot } = testJobs({ maxWaitingCost: 100 });
  run("running");
  run("huge", { cost: 5_000 });
  expect((await snapshot()).waitingCost).toBe(5_000);
  await expect(run("small")).rejects.toBeInstanceOf(QueueFull);
});

test("one client cannot fill the queue alone", async () => {
  const { run, snapshot } = testJobs({ maxWaiting: 4, maxWaitingPerClient: 2 });
  for (const name of ["a", "b", "c"]) run(name, { client: "greedy" });
  await expect(run("d", { client: "greedy" })).rejects.toBeInstanceOf(QueueFull);
  run("e", { client: "other" });
  expect((await snapshot()).waiting).toBe(3);
});

test("a job that will not start by its deadline is refused at once, and one with priority is not", async () => {
  const { run, started, clock } = testJobs({ secondsPerCost: 1 });
  run("running", { cost: 10 });
  run("waiting", { cost: 10 });
  const late = run("late", { deadlineMs: 19_000 });
  await expect(late).rejects.toThrow("The job would wait about 20.0 s, longer than its deadline of 19 s");
  await expect(late).rejects.toBeInstanceOf(DeadlineExceeded);
  run("in time", { deadlineMs: 20_000 });
  run("urgent", { deadlineMs: 10_000, priority: 1 });
  await clock.advance(30_000);
  expect(started).toEqual(["running", "urgent", "waiting"]);
});

test("the estimate for a deadline knows whose turn it is", async () => {
  const { run, snapshot } = testJobs({ secondsPerCost: 1 });
  for (let i = 0; i < 6; i++) run(`a${i}`, { client: "a" });
  run("b", { client: "b", deadlineMs: 2_000 }); // behind the running one and one more of a's
  expect((await snapshot()).waiting).toBe(6);
  await expect(run("c", { client: "c", deadlineMs: 2_000 })).rejects.toBeInstanceOf(DeadlineExceeded);
});

test("a job whose deadline passes while it waits leaves the queue then and is never started", async () => {
  const { run, started, clock, snapshot } = testJobs({ secondsPerCost: 0.1 }); // too hopeful
  run("running", { cost: 10 });
  const late = run("late", { deadlineMs: 3_000 });
  await clock.advance(2_999);
  expect((await snapshot()).waiting).toBe(1);
  await clock.advance(1);
  expect((await snapshot()).waiting).toBe(0);
  await expect(late).rejects.toThrow("The job did not start within its deadline of 3 s");
  await clock.advance(20_000);
  expect(started).toEqual(["running"]);
});

test("aborting removes a waiting job at once", async () => {
  const { run, started, clock, snapshot } = testJobs();
  const controller = new AbortController();
  run("running");
  const waiting = run("waiting", { signal: controller.signal });
  run("behind");
  await settled();
  controller.abort(new Cancelled("gone"));
  expect((await snapshot()).waiting).toBe(1);
  await expect(waiting).rejects.toThrow(new Cancelled("gone"));
  await clock.advance(5_000);
  expect(started).toEqual(["running", "behind"]);
});

test("an aborted running job is told, and keeps its slot until it has really ended", async () => {
  const { run, started, clock } = testJobs();
  const controller = new AbortController();
  let told = false;
  const job = run("told", {
    signal: controller.signal,
    async work(signal) {
      signal.addEventListener("abort", () => {
        told = true;
      });
      await new Promise<void>((resolve) => clock.after(500, resolve)); // the step under way
      signal.throwIfAborted();
    },
  });
  run("next");
  await settled();
  controller.abort();
  await settled();
  expect(told).toBe(true);
  await clock.advance(499);
  expect(started).toEqual([]);
  await clock.advance(1);
  expect(started).toEqual(["next"]);
  await expect(job).rejects.toBeInstanceOf(Cancelled);
});

test("a job whose client is gone already does not enter", async () => {
  const { run, started } = testJobs();
  await expect(run("gone", { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(Cancelled);
  expect(started).toEqual([]);
});

test("a waiting job hears its position and when it will start, whenever they change", async () => {
  const { run, clock } = testJobs({ secondsPerCost: 1 });
  const heard: unknown[] = [];
  const waits: number[] = [];
  run("running", { cost: 4 });
  run("before", { cost: 2 });
  run("mine", { onPosition: (position) => heard.push(position), onStart: (waitedMs) => waits.push(waitedMs) });
  await settled();
  run("overtakes", { cost: 3, priority: 1 });
  await clock.advance(20_000);
  expect(heard).toEqual([
    { position: 2, estimatedStartS: 6 },
    { position: 3, estimatedStartS: 9 },
    { position: 2, estimatedStartS: 5 },
    { position: 1, estimatedStartS: 2 },
  ]);
  expect(waits).toEqual([9_000]);
});

test("draining refuses new and waiting jobs and waits for the running ones", async () => {
  const { jobs, run, started, clock } = testJobs({ drainRetryAfterS: 7 });
  const running = run("running", { cost: 3 });
  const waiting = run("waiting");
  await settled();
  let drained = false;
  const drain = jobs.drain().then(() => {
    drained = true;
  });
  const refusal = await waiting.catch((error) => error);
  expect(refusal).toBeInstanceOf(Draining);
  expect(refusal.retryAfterS).toBe(7);
  await expect(run("new")).rejects.toBeInstanceOf(Draining);
  await clock.advance(2_999);
  expect(drained).toBe(false);
  await clock.advance(1);
  await drain;
  expect(await running).toBe("running");
  expect(started).toEqual(["running"]);
});

test("the observer hears of waits, ends and refusals", async () => {
  const heard: unknown[] = [];
  const observer = {
    started: (waitedS: number) => heard.push(["started", waitedS]),
    finished: (outcome: string, durationS: number) => heard.push([outcome, durationS]),
    refused: (code: string) => heard.push(code),
    storeFailed: (error: unknown) => heard.push(error),
  };
  const { run, clock } = testJobs({ maxWaiting: 1, observer });
  await run("failing", { work: async () => Promise.reject(new Error("no")) }).catch(() => {});
  run("a", { cost: 2 });
  await settled();
  const controller = new AbortController();
  run("b", { signal: controller.signal });
  run("c");
  await settled();
  controller.abort();
  await settled();
  run("d");
  await clock.advance(3_000);
  expect(heard).toEqual([
    ["started", 0],
    ["failed", 0],
    ["started", 0],
    "queue-full",
    "cancelled",
    ["completed", 2],
    ["started", 2],
    ["completed", 1],
  ]);
});
