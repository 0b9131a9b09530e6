/** Why no control image came from a preprocessor service. */
import { AppError, registerErrors } from "@armature/core";

/** No preprocessor service can be reached, or all are too busy. */
export class UpstreamUnavailable extends AppError {
  readonly code = "upstream-unavailable";
  constructor(
    message: string,
    readonly retryAfterS = 5,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A preprocessor service answered, but not with what its contract promises. */
export class UpstreamFailed extends AppError {
  readonly code = "upstream-failed";
}

export const UPSTREAM_ERRORS = registerErrors({
  "upstream-failed": UpstreamFailed,
  "upstream-unavailable": UpstreamUnavailable,
});
