/** Failures that several packages tell of; one that a single package throws stands there. None knows of HTTP. */
import { AppError, type ErrorOf, type FieldIssue, registerErrors } from "./app-error.js";

export class InvalidRequest extends AppError {
  readonly code = "invalid-request";
  constructor(
    readonly issues: FieldIssue[],
    options?: ErrorOptions,
  ) {
    super(issues.map((issue) => `${issue.pointer || "body"}: ${issue.detail}`).join("; "), options);
  }
}

/** A configuration value that ends the start. */
export class InvalidConfig extends AppError {
  readonly code = "invalid-config";
}

/** A weight file, config or model folder that cannot be used; the message names file and tensor. */
export class InvalidModel extends AppError {
  readonly code = "invalid-model";
}

/** A network gave numbers that are infinite or none, of which no picture can be made; the message names it. */
export class NotFinite extends AppError {
  readonly code = "not-finite";
}

/** What the request needs exceeds the memory budget, or the device's memory; the message holds the sums. */
export class OutOfMemory extends AppError {
  readonly code = "out-of-memory";
}

/** The caller went away or asked to stop. */
export class Cancelled extends AppError {
  readonly code = "cancelled";
  constructor(message = "The request was cancelled") {
    super(message);
  }
}

/** The process is shutting down and takes no new work. */
export class Draining extends AppError {
  readonly code = "draining";
  constructor(readonly retryAfterS: number) {
    super(`The service is shutting down; retry in ${retryAfterS} s`);
  }
}

/** The device that was asked for is not there, or its driver or a library is missing, or it computes wrongly. */
export class DeviceUnavailable extends AppError {
  readonly code = "device-unavailable";
}

/** The device failed under this job, and again when the job was tried once more. */
export class DeviceLost extends AppError {
  readonly code = "device-lost";
}

/** A picture with more pixels than the configured limit. */
export class ImageTooLarge extends AppError {
  readonly code = "image-too-large";
}

/** A request that would hold more bytes than all requests together may; the message holds the sums. */
export class OverBudget extends AppError {
  readonly code = "over-budget";
}

/** The bytes that requests hold at present leave no room for this one; the message holds the sums. */
export class BudgetFull extends AppError {
  readonly code = "budget-full";
  constructor(
    message: string,
    readonly retryAfterS: number,
  ) {
    super(message);
  }
}

/** Nothing is kept or served under the name that was asked for. */
export class NotFound extends AppError {
  readonly code = "not-found";
}

export const CORE_ERRORS = registerErrors({
  "not-found": NotFound,
  "invalid-request": InvalidRequest,
  "invalid-config": InvalidConfig,
  "invalid-model": InvalidModel,
  "out-of-memory": OutOfMemory,
  "not-finite": NotFinite,
  cancelled: Cancelled,
  draining: Draining,
  "device-unavailable": DeviceUnavailable,
  "device-lost": DeviceLost,
  "image-too-large": ImageTooLarge,
  "over-budget": OverBudget,
  "budget-full": BudgetFull,
});

export type CoreError = ErrorOf<typeof CORE_ERRORS>;
