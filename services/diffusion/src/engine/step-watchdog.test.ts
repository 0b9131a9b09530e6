import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchSteps } from "./step-watchdog.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const limits = { unmeasuredMs: 60_000, leastMs: 2000, factor: 10 };

function watched() {
  const hangs: string[] = [];
  const dog = watchSteps({ onHang: (reason) => hangs.push(reason), ...limits });
  const step = (number: number) => dog.note({ stage: "denoising", step: number, steps: 20 });
  return { hangs, dog, step };
}

test("a step may take ten times the longest before it, and no longer", () => {
  const { hangs, step } = watched();
  for (const [number, ms] of [5000, 300, 500].entries()) {
    vi.advanceTimersByTime(ms); // the first compiles: 5 s are no measure
    step(number + 1);
  }
  vi.advanceTimersByTime(4999);
  expect(hangs).toEqual([]);
  vi.advanceTimersByTime(2);
  expect(hangs).toEqual(["no step (the longest so far took 0.50 s) for 5.0 s"]);
});

test("quick steps get the least time all the same", () => {
  const { hangs, step } = watched();
  for (const number of [1, 2, 3]) {
    vi.advanceTimersByTime(10);
    step(number);
  }
  vi.advanceTimersByTime(1999);
  expect(hangs).toEqual([]);
  vi.advanceTimersByTime(2);
  expect(hangs).toHaveLength(1);
});

test("loading, the first step and decoding have no measure, but an end", () => {
  const { hangs, dog, step } = watched();
  vi.advanceTimersByTime(59_000);
  dog.note({ stage: "starting" });
  vi.advanceTimersByTime(59_000);
  step(1);
  vi.advanceTimersByTime(59_000);
  dog.note({ stage: "starting" });
  vi.advanceTimersByTime(59_999);
  expect(hangs).toEqual([]);
  vi.advanceTimersByTime(2);
  expect(hangs).toEqual(["no sign of progress for 60.0 s"]);
});

test("a step that opens networks of another size is no measure, and has the time of one that is not measured", () => {
  const { hangs, dog, step } = watched();
  for (const number of [1, 2, 3]) {
    vi.advanceTimersByTime(300);
    step(number);
  }
  dog.note({ stage: "compiling" });
  vi.advanceTimersByTime(50_000);
  step(4);
  expect(hangs).toEqual([]);
  vi.advanceTimersByTime(3001);
  expect(hangs).toEqual(["no step (the longest so far took 0.30 s) for 3.0 s"]);
});

test("a job that ended is not watched", () => {
  const { hangs, dog } = watched();
  dog.stop();
  vi.advanceTimersByTime(1e6);
  expect(hangs).toEqual([]);
});
