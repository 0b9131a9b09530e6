/** Failures of an engine process, as its callers hear of them. */
import { AppError, type ErrorOf, registerErrors } from "@armature/core";

/** The engine process ended while it held this call. */
export class EngineCrashed extends AppError {
  readonly code = "engine-crashed";
}

/** The engine is not up (starting, or it failed too often). */
export class EngineUnavailable extends AppError {
  readonly code = "engine-unavailable";
  constructor(
    message: string,
    readonly retryAfterS = 5,
  ) {
    super(message);
  }
}

export const ENGINE_ERRORS = registerErrors({
  "engine-crashed": EngineCrashed,
  "engine-unavailable": EngineUnavailable,
});

export type EngineError = ErrorOf<typeof ENGINE_ERRORS>;
