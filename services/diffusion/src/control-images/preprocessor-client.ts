/** Speaks to preprocessor services over HTTP: a picture's bytes go there, a control image's bytes come back. */

import { problem } from "@armature/contract";
import { InvalidRequest, UpstreamFailed, UpstreamUnavailable } from "@armature/core";
import { steadyConnector } from "@armature/net";

import { Agent, buildConnector, type Dispatcher, request } from "undici";

const CONNECT_MS = 5_000;

interface PreprocessorClientOptions {
  /** Tried in turn, beginning with the next one each time. */
  urls: readonly string[];
  timeoutMs: number;
  /** Of a control image's file. */
  maxBytes: number;
}

export interface Annotation {
  picture: Uint8Array;
  processor: string;
  options: Readonly<Record<string, unknown>>;
  /** Where the request names the processor, as a JSON pointer; errors carry it. */
  pointer: string;
}

export class PreprocessorClient {
  private readonly agent: Agent;
  private turn = 0;

  constructor(private readonly options: PreprocessorClientOptions) {
    this.agent = new Agent({
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      connect: steadyConnector(buildConnector({ timeout: CONNECT_MS })),
    });
  }

  /**
   * The control image's file. Throws UpstreamUnavailable (no service answers, or all are too busy), UpstreamFailed (an answer that
   * is none), InvalidRequest (the service refuses processor, options or picture), or `signal`'s reason.
   */
  async annotate(annotation: Annotation, signal: AbortSignal): Promise<Buffer> {
    const { urls } = this.options;
    if (urls.length === 0) {
      throw new UpstreamUnavailable(
        `The preprocessor ${annotation.processor} is needed, but PREPROCESSOR_URLS names no preprocessor service. ` +
          'Send a control image with "preprocessor": "none", or start one',
      );
    }
    const first = this.turn++;
    let failure: unknown;
    for (let i = 0; i < urls.length; i++) {
      try {
        return await this.askOne(urls[(first + i) % urls.length]!, annotation, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof UpstreamUnavailable)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }

  private async askOne(base: string, annotation: Annotation, signal: AbortSignal): Promise<Buffer> {
    const timeout = AbortSignal.timeout(this.options.timeoutMs);
    const answer = await this.send(base, annotation, AbortSignal.any([signal, timeout]));
    const body = await this.read(answer);
    if (answer.statusCode === 200) return body;
    throw refusal(answer, body, annotation);
  }

  private async send(
    base: string,
    { picture, processor, options }: Annotation,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const url = new URL(`image/${encodeURIComponent(processor)}`, base.endsWith("/") ? base : `${base}/`);
    for (const [name, value] of Object.entries(options)) url.searchParams.set(name, String(value));
    const headers = { "content-type": "application/octet-stream", accept: "image/webp" };
    try {
      return await request(url, { method: "POST", headers, body: picture, signal, dispatcher: this.agent });
    } catch (cause) {
      throw unreachable(cause);
    }
  }

  private async read({ body }: Dispatcher.ResponseData): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > this.options.maxBytes)
          throw new UpstreamFailed("The preprocessor service sent too large an answer");
        chunks.push(chunk);
      }
    } catch (cause) {
      if (cause instanceof UpstreamFailed) throw cause;
      throw unreachable(cause);
    }
    return Buffer.concat(chunks);
  }
}

function unreachable(cause: unknown): UpstreamUnavailable {
  return new UpstreamUnavailable("The preprocessor service cannot be reached; try again soon", 5, { cause });
}

/** What another status than 200 means to the client of this service. */
function refusal(
  { statusCode, headers }: Dispatcher.ResponseData,
  body: Buffer,
  { pointer, processor }: Annotation,
): Error {
  if (statusCode === 429 || statusCode === 503) {
    const retryAfterS = Number(headers["retry-after"]) || 5;
    return new UpstreamUnavailable("The preprocessor service is too busy or not ready; try again later", retryAfterS);
  }
  const said = readProblem(body);
  const refusesInput = [404, 413, 415, 422].includes(statusCode);
  if (said?.detail && refusesInput) {
    return new InvalidRequest([{ pointer, detail: `the preprocessor service refuses ${processor}: ${said.detail}` }]);
  }
  return new UpstreamFailed(`The preprocessor service failed with status ${statusCode}`);
}

function readProblem(body: Buffer) {
  try {
    return problem.safeParse(JSON.parse(body.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}
