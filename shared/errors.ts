/**
 * Every failure that a caller may want to tell apart. Nothing here knows HTTP: `http/problem.ts` gives each code its status.
 * A message is for people: what was wanted, what was found, where, and what to do. It may be shown to a client.
 */
export abstract class AppError extends Error {
  abstract readonly code: string;
  /** The one field of the request that is at fault, as a JSON pointer (RFC 6901), where somebody knew it. */
  declare pointer?: string;
  override get name(): string {
    return this.constructor.name;
  }
}

/** One wrong field of a request: `pointer` is a JSON pointer (RFC 6901), such as `/controlnets/0/type`. */
export interface FieldIssue {
  pointer: string;
  detail: string;
}

export class InvalidRequest extends AppError {
  readonly code = "invalid-request";
  constructor(
    readonly issues: FieldIssue[],
    options?: ErrorOptions,
  ) {
    super(issues.map((issue) => `${issue.pointer || "body"}: ${issue.detail}`).join("; "), options);
  }
}

/** A body, URL or header that cannot be read at all: malformed JSON, a cut upload. */
export class MalformedRequest extends AppError {
  readonly code = "malformed-request";
}

/** The client sent its request too slowly. */
export class RequestTimeout extends AppError {
  readonly code = "request-timeout";
}

/** The request's header lines are longer than is accepted. */
export class HeadersTooLarge extends AppError {
  readonly code = "headers-too-large";
}

export class NotFound extends AppError {
  readonly code = "not-found";
}

export class MethodNotAllowed extends AppError {
  readonly code = "method-not-allowed";
  constructor(
    message: string,
    readonly allow: string[],
  ) {
    super(message);
  }
}

export class NotAcceptable extends AppError {
  readonly code = "not-acceptable";
}

export class UnsupportedMediaType extends AppError {
  readonly code = "unsupported-media-type";
}

/** The body is longer than the configured limit. */
export class BodyTooLarge extends AppError {
  readonly code = "body-too-large";
}

/** A picture with more pixels than the configured limit. */
export class ImageTooLarge extends AppError {
  readonly code = "image-too-large";
}

/** Bytes that are no picture in one of the accepted raster formats. */
export class UnsupportedImage extends AppError {
  readonly code = "unsupported-image";
}

/** A URL whose scheme, host or address may not be fetched. */
export class SourceForbidden extends AppError {
  readonly code = "source-forbidden";
}

/** A permitted URL that could not be fetched. */
export class SourceUnreachable extends AppError {
  readonly code = "source-unreachable";
}

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

/** The process is shutting down and takes no new work. */
export class Draining extends AppError {
  readonly code = "draining";
  constructor(readonly retryAfterS: number) {
    super(`The service is shutting down; retry in ${retryAfterS} s`);
  }
}

/** The process is up but cannot take work yet, or not now; the message is the reason. */
export class NotReady extends AppError {
  readonly code = "not-ready";
  constructor(
    message: string,
    readonly retryAfterS = 5,
  ) {
    super(message);
  }
}

/** The caller went away or asked to stop. */
export class Cancelled extends AppError {
  readonly code = "cancelled";
  constructor(message = "The request was cancelled") {
    super(message);
  }
}

/** Another service that this one needs cannot be reached; `service` is the name that the operator gave it. */
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

/** Another service answered, but not with what its contract promises. */
export class UpstreamFailed extends AppError {
  readonly code = "upstream-failed";
}

/** The engine process ended while it held this job. */
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

/** The device that was asked for is not there, or its driver or a library is missing, or it computes wrongly. */
export class DeviceUnavailable extends AppError {
  readonly code = "device-unavailable";
}

/** The device failed under this job, and again when the job was tried once more. */
export class DeviceLost extends AppError {
  readonly code = "device-lost";
}

/** What the request needs exceeds the memory budget, or the device's memory; the message holds the sums. */
export class OutOfMemory extends AppError {
  readonly code = "out-of-memory";
}

/** A weight file, config or model folder that cannot be used; the message names file and tensor. */
export class InvalidModel extends AppError {
  readonly code = "invalid-model";
}

/** A configuration value that ends the start. */
export class InvalidConfig extends AppError {
  readonly code = "invalid-config";
}

/** Every class above: a code without its row in a table over `KnownError["code"]` does not compile. */
export type KnownError =
  | InvalidRequest
  | MalformedRequest
  | RequestTimeout
  | HeadersTooLarge
  | NotFound
  | MethodNotAllowed
  | NotAcceptable
  | UnsupportedMediaType
  | BodyTooLarge
  | ImageTooLarge
  | UnsupportedImage
  | SourceForbidden
  | SourceUnreachable
  | QueueFull
  | DeadlineExceeded
  | Draining
  | NotReady
  | Cancelled
  | UpstreamUnavailable
  | UpstreamFailed
  | EngineCrashed
  | EngineUnavailable
  | DeviceUnavailable
  | DeviceLost
  | OutOfMemory
  | InvalidModel
  | InvalidConfig;
