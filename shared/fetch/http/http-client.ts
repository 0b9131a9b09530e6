/** HTTP for weights, over undici: short texts (an API's answers) and long bodies that go to a sink without a copy. */
import type { ConnectionOptions } from "node:tls";
import { steadyConnector } from "@armature/net";
import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool } from "undici";
import type { ByteSink } from "../sources/source.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { Exchange, type Headers, type HttpAnswer } from "./exchange.js";
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

/** What an API's answer may take; beyond it, it is not what was asked for. */
interface TextLimits {
  bytes: number;
  /** Milliseconds from the request to the last byte. */
  ms: number;
}

/** A tree page of 1000 files takes 0.3 MB. */
export const TEXT_LIMITS: TextLimits = { bytes: 8 * 2 ** 20, ms: 60_000 };

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
    const { stallTimeoutMs } = this.options;
    const exchange = new Exchange({ url, signal, sinkFor, buffers: this.#buffers });
    if (signal.aborted) return exchange.answer;
    this.#dispatcher.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method: "GET",
        headers: { "user-agent": "armature", "accept-encoding": "identity", ...headers },
        headersTimeout: stallTimeoutMs,
        bodyTimeout: stallTimeoutMs,
      },
      exchange,
    );
    return exchange.answer;
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

function tooLong(url: URL, { bytes }: TextLimits): WeightsUnavailable {
  return new WeightsUnavailable("unexpected-answer", `${url.origin}: the answer is too long: over ${bytes} bytes`);
}
