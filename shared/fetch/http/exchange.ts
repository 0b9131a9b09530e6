/** One GET as undici tells of it: status and headers, then a body that goes to a sink, or is dropped. */
import type { Dispatcher } from "undici";
import type { ByteSink } from "../sources/source.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import type { ReceiveBuffers } from "./receive-buffers.js";

export type Headers = Record<string, string | string[] | undefined>;

/** Status and headers of an answer. */
export interface HttpAnswer {
  status: number;
  headers: Headers;
  url: URL;
}

/** The first value of a header that may come several times. */
export function headerValue(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Bytes that are read of a body that nobody wants (a redirect's, a refusal's), to keep the connection; a longer one is cut. */
const MAX_DROPPED_BYTES = 64 * 1024;

interface ExchangeOptions {
  url: URL;
  signal: AbortSignal;
  buffers: ReceiveBuffers;
  /** Gives the sink of the body once status and headers are known; undefined: the body is dropped. */
  sinkFor(answer: HttpAnswer): ByteSink | undefined;
}

export class Exchange implements Dispatcher.DispatchHandler {
  /** Resolves with the last byte that the sink takes, without a sink with the headers. */
  readonly answer: Promise<HttpAnswer>;
  readonly #options: ExchangeOptions;
  #resolve!: (answer: HttpAnswer) => void;
  #reject!: (error: unknown) => void;
  #stop = (_reason: Error) => {};
  #begun: HttpAnswer | undefined;
  #sink: ByteSink | undefined;
  /** Why this side wants no more of the answer. */
  #refusal: Error | undefined;
  #droppedBytes = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal } = options;
    if (signal.aborted) this.#reject(signal.reason);
    else signal.addEventListener("abort", this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { signal } = this.#options;
    this.#stop = (reason) => controller.abort(reason);
    if (signal.aborted) this.#stop(signal.reason);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    const { url, sinkFor } = this.#options;
    if (status < 200) return;
    try {
      this.#begun = { status, headers, url };
      this.#sink = sinkFor(this.#begun);
      if (!this.#sink) this.#succeed(this.#begun);
    } catch (error) {
      this.#refuse(error as Error);
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (chunk.length === 0) return; // undici gives empty chunks after a pause
    if (this.#sink) this.#pass(this.#sink, chunk, controller);
    else this.#drop(chunk);
  }

  onResponseEnd(): void {
    if (this.#begun) this.#succeed(this.#begun);
    else this.#fail(new Error("the answer ended before it began"));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error);
  }

  readonly #onAbort = () => this.#stop(this.#options.signal.reason);

  #pass(sink: ByteSink, chunk: Buffer, controller: Dispatcher.DispatchController): void {
    try {
      const wait = sink.write(chunk, this.#options.buffers.hold(chunk));
      if (!wait) return;
      controller.pause();
      wait.then(
        () => controller.resume(),
        (error) => this.#refuse(error),
      );
    } catch (error) {
      this.#refuse(error as Error);
    }
  }

  #drop(chunk: Buffer): void {
    this.#droppedBytes += chunk.length;
    if (this.#droppedBytes > MAX_DROPPED_BYTES) this.#stop(new Error("nobody reads on"));
  }

  #refuse(error: Error): void {
    this.#refusal = error;
    this.#stop(error);
  }

  #succeed(answer: HttpAnswer): void {
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#resolve(answer);
  }

  #fail(error: Error): void {
    const { signal, url } = this.#options;
    signal.removeEventListener("abort", this.#onAbort);
    this.#reject(signal.aborted ? signal.reason : (this.#refusal ?? asUnreachable(error, url)));
  }
}

function asUnreachable(error: Error, url: URL): WeightsUnavailable {
  const words = TRANSPORT_WORDS[(error as NodeJS.ErrnoException).code ?? ""] ?? error.message;
  return new WeightsUnavailable("unreachable", `${url.origin}: ${words}`, { cause: error });
}

const TRANSPORT_WORDS: Readonly<Record<string, string>> = {
  UND_ERR_BODY_TIMEOUT: "the connection stalled",
  UND_ERR_HEADERS_TIMEOUT: "no answer came in time",
  UND_ERR_CONNECT_TIMEOUT: "no connection could be made in time",
  UND_ERR_SOCKET: "the connection was cut",
  ECONNRESET: "the connection was cut",
  ECONNREFUSED: "the connection was refused",
  ENOTFOUND: "the host name is not known",
  EPIPE: "the connection was cut",
};
