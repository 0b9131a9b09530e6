/** Errors as they cross a process boundary: classes of `errors.ts` arrive as themselves, all others as a plain Error. */

import * as errors from "../errors.js";

const CLASSES = new Map<string, { prototype: unknown }>(Object.entries(errors));

export interface WireError {
  /** Name of a class of `errors.ts`; absent for any other error. */
  class?: string;
  message: string;
  /** The further fields of such a class: `code`, `issues`, `retryAfterS`, ... */
  fields: Record<string, unknown>;
  /** For the log only, with the causes; absent where the message says it all. */
  trace?: string;
}

/** Turns whatever was thrown into plain data. The stack goes along unless the error is an expected one without a cause. */
export function toWireError(thrown: unknown): WireError {
  if (!(thrown instanceof Error)) return { message: String(thrown), fields: {}, trace: `thrown: ${String(thrown)}` };
  if (!(thrown instanceof errors.AppError)) return { message: thrown.message, fields: {}, trace: traceOf(thrown) };
  const wire: WireError = { class: thrown.constructor.name, message: thrown.message, fields: { ...thrown } };
  return thrown.cause === undefined ? wire : { ...wire, trace: traceOf(thrown) };
}

/** The error that `toWireError` was given, without its stack and cause: those belong in the log. */
export function fromWireError(wire: WireError): Error {
  const error = new Error(wire.message);
  const prototype = appErrorPrototype(wire.class);
  if (!prototype) return error;
  Object.setPrototypeOf(error, prototype);
  Error.captureStackTrace(error, fromWireError);
  return Object.assign(error, wire.fields);
}

function appErrorPrototype(name: string | undefined): object | undefined {
  const prototype = name === undefined ? undefined : CLASSES.get(name)?.prototype;
  return prototype instanceof errors.AppError ? prototype : undefined;
}

function traceOf(error: Error): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  if (error.cause === undefined) return own;
  return `${own}\ncaused by: ${error.cause instanceof Error ? traceOf(error.cause) : String(error.cause)}`;
}
