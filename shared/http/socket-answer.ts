/** Answers in the form of all others, for connections on which there never was a request that the app could see. */
import { randomUUID } from "node:crypto";
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { AppError } from "@armature/core";
import {
  BodyTooLarge,
  HeadersTooLarge,
  MalformedRequest,
  MethodNotAllowed,
  RequestTimeout,
  TooManyConnections,
} from "./errors.js";
import { toProblem } from "./problem.js";

/** A client gets this long to read the answer. */
const LINGER_MS = 1_000;

/** Seconds after which a client may have closed some of its connections. */
const RETRY_CONNECTION_S = 5;

/** What cannot be parsed as HTTP, or came too slowly, never reaches the app; it is answered here, in the same form. */
export function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  const answered = "_httpMessage" in socket && (socket._httpMessage as ServerResponse | null)?.headersSent;
  if (!socket.writable || answered) {
    socket.destroy();
    return;
  }
  answerOnSocket(socket, malformation(error.code));
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/** Node hands CONNECT, which asks for a tunnel, to no handler of requests. */
export function refuseTunnel(_req: unknown, stream: Duplex): void {
  stream.on("error", () => {});
  answerOnSocket(stream, new MethodNotAllowed("CONNECT is for proxies; this is none", []), () => stream.destroy());
}

/** Closed as soon as the answer is out: what lingers would count among all connections. */
export const refuseConnection = (limit: number) => {
  return (socket: Socket): void => {
    const message = `Your address holds ${limit} connections, as many as one address may; close some`;
    socket.on("error", () => {});
    answerOnSocket(socket, new TooManyConnections(message, RETRY_CONNECTION_S), () => socket.destroy());
  };
};

/** An answer without Express, for what never was a request. */
function answerOnSocket(socket: Duplex, error: AppError, done?: () => void): void {
  const requestId = randomUUID();
  const { status, headers, body } = toProblem(error, requestId);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(text)}`,
    `X-Request-Id: ${requestId}`,
    "X-Content-Type-Options: nosniff",
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`, done);
}

function malformation(code: string | undefined): AppError {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new RequestTimeout("The request did not come in full within the time that is allowed");
    case "HPE_HEADER_OVERFLOW":
      return new HeadersTooLarge("The request's header lines are too long");
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new BodyTooLarge("The body's chunk extensions are too long");
    default:
      return new MalformedRequest(`This is not HTTP/1.1 as RFC 9112 has it${code ? ` (${code})` : ""}`);
  }
}
