import { expect, test } from "vitest";
import type { EngineProgress } from "./calls.js";
import { stepAllowances } from "./step-allowance.js";

const limits = { idleMs: 5000, loadingMs: 90_000, unmeasuredMs: 60_000, leastMs: 2000, factor: 10 };

function job(device = "webgpu") {
  const allow = stepAllowances(device, limits);
  let nowMs = 0;
  const after = (ms: number, event: EngineProgress) => {
    nowMs += ms;
    return allow(event, nowMs);
  };
  const step = (ms: number, number: number) => after(ms, { stage: "denoising", step: number, steps: 20 });
  return { begun: allow(undefined, 0), after, step };
}

test("a step may take ten times the longest before it, and no longer", () => {
  const { step } = job();
  step(5000, 1); // compiles: 5 s are no measure
  expect(step(300, 2)).toEqual({ what: "a step (the longest before it: 0.30 s)", ms: 3000 });
  expect(step(500, 3)).toEqual({ what: "a step (the longest before it: 0.50 s)", ms: 5000 });
  expect(step(400, 4)).toEqual({ what: "a step (the longest before it: 0.50 s)", ms: 5000 });
});

test("quick steps get the least time all the same", () => {
  const { step } = job();
  step(10, 1);
  expect(step(10, 2).ms).toBe(2000);
});

test("a stage, the first step and what follows the last have no measure, but an end", () => {
  const { after, step } = job();
  expect(after(1000, { stage: "starting" })).toEqual({ what: "a stage", ms: 60_000 });
  expect(step(1000, 1).ms).toBe(60_000);
  expect(step(100, 20).ms).toBe(60_000);
});

test("a step that opens networks of another size is no measure, and has the time of one that is not measured", () => {
  const { after, step } = job();
  for (const number of [1, 2, 3]) step(300, number);
  expect(after(0, { stage: "compiling" }).ms).toBe(60_000);
  expect(step(50_000, 4).ms).toBe(3000);
});

test("loading may take long while the process works; on the CPU a job that is lost then is tried once more", () => {
  const loading = { what: "loading", ms: 90_000, idleMs: 60_000, leastCpuMs: 30_000, mostCpuMs: 60_000 };
  expect(job().begun).toEqual({ ...loading, repeatable: false });
  expect(job().after(10, { stage: "loading" })).toEqual({ ...loading, repeatable: false });
  expect(job().after(10, { stage: "loading", bytes: 3.4e9 })).toEqual({
    ...{ ...loading, repeatable: false },
    mostCpuMs: 672_000, // a minute, and three for each GB
  });
  expect(job("cpu").after(10, { stage: "residency", loaded: [] })).toEqual({ ...loading, repeatable: true });
});

test("a CPU that computes is never idle; a process whose GPU computes may be", () => {
  const { after, step } = job("cpu");
  expect(after(0, { stage: "starting" }).idleMs).toBe(5000);
  step(100, 1);
  expect(step(100, 2)).toMatchObject({ ms: 2000, idleMs: 5000 });
  expect(job().step(100, 1).idleMs).toBeUndefined();
});

test("on a CPU the first step, which is whole, is a measure: quick steps by the shallow UNet do not forbid a slow whole one", () => {
  const { after, step } = job("cpu");
  after(0, { stage: "starting" });
  expect(step(40_000, 1).ms).toBe(400_000);
  after(0, { stage: "compiling" });
  expect(step(1000, 2).ms).toBe(400_000);
  expect(step(1000, 3).ms).toBe(400_000);
});
