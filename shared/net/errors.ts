/** Why an address that a stranger named was not fetched. */
import { AppError, type ErrorOf, registerErrors } from "@armature/core";

/** A URL whose scheme, host or address may not be fetched. */
export class SourceForbidden extends AppError {
  readonly code = "source-forbidden";
}

/** A permitted URL that could not be fetched. */
export class SourceUnreachable extends AppError {
  readonly code = "source-unreachable";
}

export const SOURCE_ERRORS = registerErrors({
  "source-forbidden": SourceForbidden,
  "source-unreachable": SourceUnreachable,
});

export type SourceError = ErrorOf<typeof SOURCE_ERRORS>;
