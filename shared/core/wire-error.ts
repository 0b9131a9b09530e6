/** Errors as plain data, for another process or a record: registered classes arrive as themselves, all others as a plain Error. */

import { AppError, errorClass } from "./app-error.js";

export interface WireError {
  /** Code of a registered class; absent for any other error. */
  code?: string;
  message: string;
  /** The further fields of such a class: `code`, `issues`, `retryAfterS`, ... */
  fields: Record<string, unknown>;
  /** Stack with the causes, for the log only; absent where the message says it all. */
  trace?: string;
}

/** Turns anything that was thrown into plain data. The stack goes along unless the error is an expected one without a cause. */
export function toWireError(thrown: unknown): WireError {
  if (!(thrown instanceof Error)) return { message: String(thrown), fields: {}, trace: `thrown: ${String(thrown)}` };
  if (!(thrown instanceof AppError)) return { message: thrown.message, fields: {}, trace: traceOf(thrown) };
  const wire: WireError = { code: thrown.code, message: thrown.message, fields: { ...thrown } };
  return thrown.cause === undefined ? wire : { ...wire, trace: traceOf(thrown) };
}

/** The error that `toWireError` was given, without its cause; its stack is the trace, if there is one. */
export function fromWireError(wire: WireError): Error {
  const error = new Error(wire.message);
  const prototype = wire.code === undefined ? undefined : errorClass(wire.code)?.prototype;
  if (prototype) {
    Object.setPrototypeOf(error, prototype);
    Error.captureStackTrace(error, fromWireError);
    Object.assign(error, wire.fields);
  }
  if (wire.trace !== undefined) error.stack = wire.trace;
  return error;
}

function traceOf(error: Error): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  if (error.cause === undefined) return own;
  return `${own}\ncaused by: ${error.cause instanceof Error ? traceOf(error.cause) : String(error.cause)}`;
}
