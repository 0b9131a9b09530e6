import { expect, test } from "vitest";
import { DEFAULT_LIMITS } from "./engine-options.js";
import { RestartBackoff } from "./restart-backoff.js";

function delaysOf(backoff: RestartBackoff, ends: number, wasReady: boolean): number[] {
  return Array.from({ length: ends }, () => {
    backoff.ended(wasReady);
    return backoff.delayMs();
  });
}

test("the delay doubles from 0.1 s to 10 s and starts again after an answered call", () => {
  const backoff = new RestartBackoff(DEFAULT_LIMITS);
  expect(delaysOf(backoff, 9, true)).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  backoff.ready();
  expect(delaysOf(backoff, 1, true)).toEqual([10_000]);
  backoff.answered();
  expect(delaysOf(backoff, 2, true)).toEqual([100, 200]);
  expect(backoff.restarts).toBe(12);
  expect(backoff.failed).toBe(false);
});

test("five failed starts in a row are a failure, which is retried slowly until a start succeeds", () => {
  const backoff = new RestartBackoff(DEFAULT_LIMITS);
  expect(delaysOf(backoff, 4, false)).toEqual([100, 200, 400, 800]);
  backoff.ready();
  expect(delaysOf(backoff, 4, false)).toEqual([1600, 3200, 6400, 10_000]);
  expect(backoff.failed).toBe(false);
  expect(delaysOf(backoff, 2, false)).toEqual([30_000, 30_000]);
  expect(backoff.failed).toBe(true);
  backoff.ready();
  expect(backoff.failed).toBe(false);
});
