/**
 * Keeps undici 7 from ending the process. Its parser is paused while nobody takes the body; if the peer closes the connection
 * just then, undici asserts in a listener of the socket that the parser is not paused, and nobody can catch that
 * (nodejs/undici#5360; version 8, which wants Node 22, has it mended).
 */
import { AssertionError } from "node:assert";
import type { Socket } from "node:net";
import type { buildConnector } from "undici";

/** Milliseconds between two looks whether the body is taken again. */
const RETRY_MS = 10;

/** A connector whose sockets may end at any moment without an error that nobody catches. */
export function steadyConnector(connector: buildConnector.connector): buildConnector.connector {
  return (options, callback) =>
    connector(options, (...[error, socket]) => {
      if (socket) callback(null, steady(socket));
      else callback(error, null);
    });
}

/**
 * An end that comes while the parser is paused is told again until the parser takes it, so a whole answer arrives whole; a reset
 * that comes then is told as a lost connection.
 */
function steady(socket: Socket): Socket {
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...values: unknown[]) => boolean;
  const tellEnd = (): boolean => {
    if (attempt(() => emit("end"))) return true;
    socket.allowHalfOpen = true; // else it would be destroyed, and what the parser holds lost
    setTimeout(() => socket.destroyed || tellEnd(), RETRY_MS).unref();
    return true;
  };
  const tellError = (error: unknown): boolean =>
    attempt(() => emit("error", error)) || emit("error", new Error("the connection was cut", { cause: error }));
  socket.emit = (event: string | symbol, ...values: unknown[]) => {
    if (event === "end") return tellEnd();
    return event === "error" ? tellError(values[0]) : emit(event, ...values);
  };
  return socket;
}

/** False if an assertion stopped it. */
function attempt(tell: () => unknown): boolean {
  try {
    tell();
    return true;
  } catch (error) {
    if (error instanceof AssertionError) return false;
    throw error;
  }
}
