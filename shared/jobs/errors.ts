/** Why a job was not taken, not started, or not kept. */
import { AppError, type ErrorOf, registerErrors } from "@armature/core";

/** No room to wait; the message names the limit that is reached. */
export class QueueFull extends AppError {
  readonly code = "queue-full";
  constructor(
    readonly retryAfterS: number,
    limit = "The queue is full",
  ) {
    super(`${limit}; retry in ${retryAfterS} s`);
  }
}

/** The request waited longer than its deadline and was not started. */
export class DeadlineExceeded extends AppError {
  readonly code = "deadline-exceeded";
}

/** The queue, the store or the files of jobs could not be read or written; `cause` says why. */
export class JobStoreFailed extends AppError {
  readonly code = "job-store-failed";
  readonly retryAfterS = 5;
  constructor(options?: ErrorOptions) {
    super("The service could not read or write what it keeps of this job; send the request again", options);
  }
}

export const JOBS_ERRORS = registerErrors({
  "queue-full": QueueFull,
  "deadline-exceeded": DeadlineExceeded,
  "job-store-failed": JobStoreFailed,
});

export type JobsError = ErrorOf<typeof JOBS_ERRORS>;
