/** HTTP for weights, over undici: short texts (an API's answers) and long bodies that go to a sink without a copy. */
import type { ConnectionOptions } from "node:tls";
import { steadyConnector } from "@armature/net";
import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool } from "undici";
import type { ByteSink } from "../sources/source.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { ReceiveBuffers, SOCKET_HIGH_WATER_MARK } from "./receive-buffers.js";
import { withinTime } from "./within-time.js";

export interface HttpOptions {
  /** Milliseconds without a byte after which a connection counts as lost. */
  stallTimeoutMs: number;
  connectTimeoutMs: number;
  /** Proxies by HTTP_PROXY, HTTPS_PROXY and NO_PROXY; undefined for none. */
  proxies?: { httpProxy?: string | undefined; httpsProxy?: string | undefined; noProxy?: string | undefined };
  /** Further trusted certificates and the like. */
  tls?: Pick<ConnectionOptions, "ca" | "cert" | "key" | "rejectUnauthorized">;
}

export const HTTP_DEFAULTS: HttpOptions = { stallTimeoutMs: 30_000, connectTimeoutMs: 10_000 };

export type Headers = Record<string, string | string[] | undefined>;

export interface HttpAnswer {
  status: number;
  headers: Headers;
  url: URL;
}

/** What an API's answer may take; beyond it, it is not what was asked for. */
interface TextLimits {
  bytes: number;
  /** Milliseconds from the request to the last byte. */
  ms: number;
}

/** A tree page of 1000 files takes 0.3 MB. */
export const TEXT_LIMITS: TextLimits = { bytes: 8 * 2 ** 20, ms: 60_000 };

/** Bytes that are read of a body that nobody wants (a redirect's, a refusal's), to keep the connection; a longer one is cut. */
const MAX_DROPPED_BYTES = 64 * 1024;

export class HttpClient {
  readonly #buffers = new ReceiveBuffers();
  readonly #dispatcher: Dispatcher;

  constructor(private readonly options: HttpOptions = HTTP_DEFAULTS) {
    const { connectTimeoutMs: timeout, proxies, tls } = options;
    const connect: buildConnector.connector = (target, callback) => {
      const onread = this.#buffers.socketReader();
      const settings = { timeout, ...tls, onread, highWaterMark: SOCKET_HIGH_WATER_MARK };
      buildConnector(settings as buildConnector.BuildOptions)(target, callback);
    };
    this.#dispatcher = proxies
      ? new EnvHttpProxyAgent({ ...proxies, connect: { timeout, ...tls }, factory: steadyPool })
      : new Agent({ connect: steadyConnector(connect) });
  }

  /** GETs a short text. Throws WeightsUnavailable if no whole answer comes, or one beyond `limits`. */
  text(
    url: URL,
    headers: Headers,
    signal: AbortSignal,
    limits: TextLimits = TEXT_LIMITS,
  ): Promise<HttpAnswer & { text: string }> {
    return withinTime(url.origin, limits.ms, signal, async (signal) => {
      const pieces: Buffer[] = [];
      let length = 0;
      const answer = await this.stream(url, { accept: "application/json", ...headers }, signal, () => ({
        begin: () => {},
        write(bytes, done) {
          length += bytes.length;
          if (length > limits.bytes) throw tooLong(url, limits);
          pieces.push(Buffer.from(bytes));
          done?.();
          return undefined;
        },
      }));
      return { ...answer, text: Buffer.concat(pieces).toString("utf8") };
    });
  }

  /**
   * GETs a body into the sink that `sinkFor` gives once status and headers are known; without a sink the answer is there with
   * its headers, and its body is dropped. `begin` of the sink is the caller's to call. Redirects are not followed.
   */
  stream(
    url: URL,
    headers: Headers,
    signal: AbortSignal,
    sinkFor: (answer: HttpAnswer) => ByteSink | undefined,
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      let answer: HttpAnswer | undefined;
      let sink: ByteSink | undefined;
      let stop = (_reason: Error) => {};
      let refusal: Error | undefined;
      let dropped = 0;
      const onAbort = () => stop(signal.reason);
      const fail = (error: Error) => {
        signal.removeEventListener("abort", onAbort);
        reject(signal.aborted ? signal.reason : (refusal ?? asUnreachable(error, url)));
      };
      const succeed = (whole: HttpAnswer) => {
        signal.removeEventListener("abort", onAbort);
        resolve(whole);
      };
      const refuse = (error: Error) => {
        refusal = error;
        stop(error);
      };
      if (signal.aborted) return fail(signal.reason);
      signal.addEventListener("abort", onAbort);

      const { stallTimeoutMs } = this.options;
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart(controller) {
          stop = (reason) => controller.abort(reason);
          if (signal.aborted) stop(signal.reason);
        },
        onResponseStart(_controller, status, responseHeaders) {
          if (status < 200) return;
          try {
            answer = { status, headers: responseHeaders as Headers, url };
            sink = sinkFor(answer);
            if (!sink) succeed(answer);
          } catch (error) {
            refuse(error as Error);
          }
        },
        onResponseData: (controller, chunk) => {
          if (chunk.length === 0) return; // what undici gives after a pause, and again after each further one
          try {
            if (!sink) {
              dropped += chunk.length;
              if (dropped > MAX_DROPPED_BYTES) stop(new Error("nobody reads on"));
              return;
            }
            const wait = sink.write(chunk, this.#buffers.hold(chunk));
            if (!wait) return;
            controller.pause();
            wait.then(() => controller.resume(), refuse);
          } catch (error) {
            refuse(error as Error);
          }
        },
        onResponseEnd() {
          if (answer) succeed(answer);
          else fail(new Error("the answer ended before it began"));
        },
        onResponseError: (_controller, error) => fail(error),
      };
      this.#dispatcher.dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: "GET",
          headers: { "user-agent": "armature", "accept-encoding": "identity", ...headers },
          headersTimeout: stallTimeoutMs,
          bodyTimeout: stallTimeoutMs,
        },
        handler,
      );
    });
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

/** The connections to one origin. What connects them is a proxy's tunnel, or settings of plain connections. */
function steadyPool(origin: string | URL, options: object): Pool {
  const { connect, ...others } = options as Pool.Options;
  const connector = typeof connect === "function" ? connect : buildConnector({ ...connect });
  return new Pool(origin, { ...others, connect: steadyConnector(connector) });
}

/** One value of a header that may come several times. */
export function headerValue(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function tooLong(url: URL, { bytes }: TextLimits): WeightsUnavailable {
  return new WeightsUnavailable("unexpected-answer", `${url.origin}: the answer is too long: over ${bytes} bytes`);
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
