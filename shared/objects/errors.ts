/** What a store of objects refuses, or cannot do. */
import { AppError } from "@armature/core";

export class ObjectStoreError extends AppError {
  readonly code = "object-store-failed";

  constructor(
    /** The store's HTTP status, such as 404 or 503; 0 where there was no answer. */
    readonly status: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
