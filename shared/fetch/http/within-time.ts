/** A time limit for what consists of several answers, or of one that may come drop by drop. */
import { WeightsUnavailable } from "../weights-unavailable.js";

/** What `work` gives. Throws WeightsUnavailable, naming `what`, if that takes more than `limitMs`; `work` hears of it by its signal. */
export async function withinTime<Result>(
  what: string,
  limitMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), limitMs);
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } catch (error) {
    if (!limit.signal.aborted || signal.aborted) throw error;
    throw new WeightsUnavailable("unexpected-answer", `${what}: no whole answer within ${limitMs / 1000} s`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}
