/** Why a job was not taken, or not started. */
import { AppError, type ErrorOf, registerErrors } from "@armature/core";

export class QueueFull extends AppError {
  readonly code = "queue-full";
  constructor(readonly retryAfterS: number) {
    super(`The queue is full; retry in ${retryAfterS} s`);
  }
}

/** The request waited longer than its deadline and was not started. */
export class DeadlineExceeded extends AppError {
  readonly code = "deadline-exceeded";
}

export const JOBS_ERRORS = registerErrors({
  "queue-full": QueueFull,
  "deadline-exceeded": DeadlineExceeded,
});

export type JobsError = ErrorOf<typeof JOBS_ERRORS>;
