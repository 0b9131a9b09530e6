/** HTTP for weights, over undici: short texts (an API's answers) and long bodies that go to a sink without a copy. */
import type { ConnectionOptions } from "node:tls";
import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent } from "undici";
import type { ByteSink } from "../sources/source.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { ReceiveBuffers, SOCKET_HIGH_WATER_MARK } from "./receive-buffers.js";

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

/** An API's answer is short; a body beyond this is not what was asked for. A tree page of 1000 files takes 0.3 MB. */
const MAX_TEXT_BYTES = 32 * 2 ** 20;

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
      ? new EnvHttpProxyAgent({ ...proxies, connect: { timeout, ...tls } })
      : new Agent({ connect });
  }

  /** GETs a short text. Throws WeightsUnavailable ("unreachable") if no whole answer comes. */
  async text(url: URL, headers: Headers, signal: AbortSignal): Promise<HttpAnswer & { text: string }> {
    const pieces: Buffer[] = [];
    let length = 0;
    const answer = await this.stream(url, { accept: "application/json", ...headers }, signal, () => ({
      begin: () => {},
      write(bytes, done) {
        length += bytes.length;
        if (length > MAX_TEXT_BYTES)
          throw new WeightsUnavailable("unexpected-answer", `${url}: the answer is too long`);
        pieces.push(Buffer.from(bytes));
        done?.();
        return undefined;
      },
    }));
    return { ...answer, text: Buffer.concat(pieces).toString("utf8") };
  }

  /**
   * GETs a body into the sink that `sinkFor` gives once status and headers are known; without a sink the body is read and
   * dropped, which keeps the connection. `begin` of the sink is the caller's to call. Redirects are not followed.
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
      const onAbort = () => stop(signal.reason);
      const fail = (error: Error) => {
        signal.removeEventListener("abort", onAbort);
        reject(signal.aborted ? signal.reason : (refusal ?? asUnreachable(error, url)));
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
          } catch (error) {
            refuse(error as Error);
          }
        },
        onResponseData: (controller, chunk) => {
          try {
            const wait = sink?.write(chunk, this.#buffers.hold(chunk));
            if (!wait) return;
            controller.pause();
            wait.then(() => controller.resume(), refuse);
          } catch (error) {
            refuse(error as Error);
          }
        },
        onResponseEnd() {
          signal.removeEventListener("abort", onAbort);
          if (answer) resolve(answer);
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

/** One value of a header that may come several times. */
export function headerValue(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
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
