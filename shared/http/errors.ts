/** What is wrong with a request as HTTP, or keeps a service from answering it. */
import { AppError, type ErrorOf, registerErrors } from "@armature/core";

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

/** The Host header names another host than this service. */
export class HostNotServed extends AppError {
  readonly code = "host-not-served";
}

/** A page of another site asks for what only the service's own pages and programs may. */
export class ForeignOrigin extends AppError {
  readonly code = "foreign-origin";
}

/** A client holds as many connections as one may. */
export class TooManyConnections extends AppError {
  readonly code = "too-many-connections";
  constructor(
    message: string,
    readonly retryAfterS: number,
  ) {
    super(message);
  }
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

export const HTTP_ERRORS = registerErrors({
  "malformed-request": MalformedRequest,
  "request-timeout": RequestTimeout,
  "headers-too-large": HeadersTooLarge,
  "host-not-served": HostNotServed,
  "foreign-origin": ForeignOrigin,
  "too-many-connections": TooManyConnections,
  "method-not-allowed": MethodNotAllowed,
  "not-acceptable": NotAcceptable,
  "unsupported-media-type": UnsupportedMediaType,
  "body-too-large": BodyTooLarge,
  "not-ready": NotReady,
});

export type HttpError = ErrorOf<typeof HTTP_ERRORS>;
