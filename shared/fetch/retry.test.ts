/** When to try again, and when to stop. */
import { expect, test } from "vitest";
import { type RetryPolicy, retryAfterS, withRetries } from "./retry.js";
import { type UnavailableReason, WeightsUnavailable } from "./weights-unavailable.js";

const signal = new AbortController().signal;
const POLICY: RetryPolicy = { attempts: 4, baseDelayMs: 4, maxDelayMs: 10, maxRetryAfterS: 1, random: () => 0 };

function failing(times: number, reason: "unreachable" | "missing-file" = "unreachable", retryAfter?: number) {
  let calls = 0;
  return async () => {
    if (calls++ < times) throw new WeightsUnavailable(reason, `failure ${calls}`, { retryAfterS: retryAfter });
    return calls;
  };
}

test("waits grow, and end at the largest", async () => {
  const waits: number[] = [];
  await withRetries(POLICY, signal, failing(3), { onRetry: (_error, waitMs) => waits.push(waitMs) });
  expect(waits).toEqual([2, 4, 5]); // half of 4, 8 and 10: random gives 0
});

test("it gives up after as many failures in a row, with the last one's message", async () => {
  await expect(withRetries(POLICY, signal, failing(9))).rejects.toThrow("failure 4");
});

test("an attempt that brought something is no failure in a row", async () => {
  let bytes = 0;
  const attempt = failing(20);
  const calls = await withRetries(
    POLICY,
    signal,
    () => {
      bytes++;
      return attempt();
    },
    { progress: () => bytes },
  );
  expect(calls).toBe(21);
});

test("what cannot get better is not tried again", async () => {
  await expect(withRetries(POLICY, signal, failing(1, "missing-file"))).rejects.toThrow("failure 1");
  const broken = () => Promise.reject(new TypeError("a mistake"));
  await expect(withRetries(POLICY, signal, broken)).rejects.toThrow(TypeError);
});

test.each<[UnavailableReason, boolean]>([
  ["rate-limited", true],
  ["unreachable", true],
  ["broken-answer", true],
  ["unexpected-answer", false],
  ["gated", false],
  ["missing-repository", false],
  ["corrupt", false],
])("after %s, another try: %j", async (reason, again) => {
  let calls = 0;
  const attempt = async () => {
    if (calls++ === 0) throw new WeightsUnavailable(reason, "no");
  };
  await withRetries(POLICY, signal, attempt).catch(() => undefined);
  expect(calls).toBe(again ? 2 : 1);
});

test("a wait that is asked for is kept, or refused if it is too long", async () => {
  const waits: number[] = [];
  await withRetries(POLICY, signal, failing(1, "unreachable", 0.05), {
    onRetry: (_error, waitMs) => waits.push(waitMs),
  });
  expect(waits).toEqual([50]);
  await expect(withRetries(POLICY, signal, failing(1, "unreachable", 2))).rejects.toThrow("failure 1");
});

test.each([
  ["120", undefined, 120],
  ["0", undefined, 0],
  ["Thu, 01 Jan 1970 00:01:00 GMT", undefined, 60],
  [undefined, '"api";r=0;t=55', 56],
  [undefined, '"api";r=3;t=55', undefined],
  ["soon", undefined, undefined],
  [undefined, undefined, undefined],
])("Retry-After %j, RateLimit %j: %j s", (retryAfter, rateLimit, seconds) => {
  expect(retryAfterS(retryAfter, rateLimit, 0)).toBe(seconds);
});
