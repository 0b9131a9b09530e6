/** What reports on jobs: metrics and the log. */
import type { Outcome } from "./queue.js";

/** What metrics and the log want to know of jobs, as it happens. */
export interface JobObserver {
  started(waitedS: number): void;
  finished(outcome: Outcome, durationS: number): void;
  refused(code: string): void;
  /** The queue, the store or the files could not be read or written. */
  storeFailed(error: unknown): void;
}
