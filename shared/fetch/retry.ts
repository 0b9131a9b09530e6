/** Trying again: how often, after how long, and when it is of no use. */
import { setTimeout as sleep } from "node:timers/promises";
import { WeightsUnavailable } from "./weights-unavailable.js";

export interface RetryPolicy {
  /** Tries in a row without a new byte. A connection that breaks often but brings something each time is never given up. */
  attempts: number;
  /** First wait; doubled each time, up to `maxDelayMs`, and spread by half so that a fleet does not come back at once. */
  baseDelayMs: number;
  maxDelayMs: number;
  /** A server that asks for a longer wait than this is told of instead. */
  maxRetryAfterS: number;
  /** Gives a number in [0, 1), which spreads the waits. */
  random: () => number;
}

export const RETRY_DEFAULTS: RetryPolicy = {
  attempts: 6,
  baseDelayMs: 1000,
  maxDelayMs: 20_000,
  maxRetryAfterS: 330, // the Hub counts requests in windows of 5 minutes
  random: Math.random,
};

interface RetryHooks {
  /** Called before each wait. */
  onRetry?(error: WeightsUnavailable, waitMs: number): void;
  /** Counts what an attempt has achieved; more than before the attempt makes it no failed one. */
  progress?(): number;
}

/** Runs `attempt` until it succeeds, fails for good, or has failed `policy.attempts` times in a row without progress. */
export async function withRetries<Result>(
  policy: RetryPolicy,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
  hooks: RetryHooks = {},
): Promise<Result> {
  for (let failures = 0; ; ) {
    const before = hooks.progress?.() ?? 0;
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof WeightsUnavailable) || !error.worthRetrying || signal.aborted) throw error;
      failures = (hooks.progress?.() ?? 0) > before ? 1 : failures + 1;
      const askedMs = (error.retryAfterS ?? 0) * 1000;
      if (failures >= policy.attempts || askedMs > policy.maxRetryAfterS * 1000) throw error;
      const backoffMs = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (failures - 1));
      const waitMs = Math.max(askedMs, backoffMs * (0.5 + policy.random() / 2));
      hooks.onRetry?.(error, waitMs);
      await sleep(waitMs, undefined, { signal });
    }
  }
}

/** Seconds that `Retry-After` (RFC 9110, seconds or a date) or the Hub's `RateLimit` (`"api";r=0;t=55`) asks to wait. */
export function retryAfterS(
  retryAfter: string | undefined,
  rateLimit: string | undefined,
  nowMs: number,
): number | undefined {
  const seconds = Number(retryAfter);
  if (retryAfter && seconds >= 0) return seconds;
  const date = Date.parse(retryAfter ?? "");
  if (!Number.isNaN(date)) return Math.max(0, (date - nowMs) / 1000);
  const reset = /\br=0\b.*\bt=(\d+)/.exec(rateLimit ?? "");
  // A second more: the server's window ends within the second that it names.
  return reset ? Number(reset[1]) + 1 : undefined;
}
