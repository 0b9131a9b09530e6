/** Speaks to preprocessor services over HTTP: a picture's bytes go there, a control image's bytes come back. */
import { AppError, ImageTooLarge } from "@armature/core";
import { UnsupportedImage } from "@armature/images";
import { steadyConnector } from "@armature/net";
import type { RgbImage } from "@armature/pixels";
import { Agent, buildConnector, type Dispatcher, request } from "undici";
import { UpstreamFailed, UpstreamUnavailable } from "./errors.js";
import { refusal, serviceName } from "./preprocessor-refusal.js";

const CONNECT_MS = 5_000;

interface PreprocessorClientOptions {
  /** Tried in turn, beginning with the next one each time. */
  urls: readonly string[];
  timeoutMs: number;
  /** Of a control image's file. */
  maxBytes: number;
  /** Reads a control image's file. Throws UnsupportedImage or ImageTooLarge where it cannot be used. */
  decode(file: Buffer, signal: AbortSignal): Promise<RgbImage>;
}

/** A control image that was looked at: its file is a picture. */
export interface AnnotationAnswer {
  file: Buffer;
  image: RgbImage;
}

/** Problem documents have a few hundred bytes. */
const MAX_REFUSAL_BYTES = 65_536;

export interface AnnotationCall {
  picture: Uint8Array;
  processor: string;
  options: Readonly<Record<string, unknown>>;
  /** Where the request names the processor, as a JSON pointer; errors carry it. */
  pointer: string;
  /** Told how many bytes of the answer will be held from now on, before they are; what it throws ends the reading. */
  hold(bytes: number): void;
}

interface AnswerLimits extends Pick<AnnotationCall, "hold"> {
  maxBytes: number;
}

/** Chunks are held twice: by themselves, and joined. */
export const CHUNKS_COST = 2;

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
   * The control image. Throws UpstreamUnavailable (no service answers, or all are too busy), UpstreamFailed (an answer that
   * is none, or is no picture), InvalidRequest (the service refuses processor, options or picture), what
   * `hold` throws, or `signal`'s reason.
   */
  async annotate(call: AnnotationCall, signal: AbortSignal): Promise<AnnotationAnswer> {
    const { urls } = this.options;
    if (urls.length === 0) {
      throw new UpstreamUnavailable(
        `The preprocessor ${call.processor} is needed, but PREPROCESSOR_URLS names no preprocessor service. ` +
          'Send a control image with "preprocessor": "none", or start one',
      );
    }
    const first = this.turn++;
    let failure: unknown;
    for (let i = 0; i < urls.length; i++) {
      try {
        return await this.askOne(urls[(first + i) % urls.length]!, call, signal);
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

  private async askOne(base: string, call: AnnotationCall, signal: AbortSignal): Promise<AnnotationAnswer> {
    const timeout = AbortSignal.timeout(this.options.timeoutMs);
    const answer = await this.send(base, call, AbortSignal.any([signal, timeout]));
    const accepted = answer.statusCode === 200;
    const limits = { maxBytes: accepted ? this.options.maxBytes : MAX_REFUSAL_BYTES, hold: call.hold };
    const body = await this.read(base, answer, limits);
    if (!accepted) throw refusal(base, answer, body, call);
    return { file: body, image: await this.decoded(base, call, body, signal) };
  }

  private async decoded(
    base: string,
    { processor }: AnnotationCall,
    file: Buffer,
    signal: AbortSignal,
  ): Promise<RgbImage> {
    try {
      return await this.options.decode(file, signal);
    } catch (cause) {
      const unusable = cause instanceof UnsupportedImage || cause instanceof ImageTooLarge;
      if (signal.aborted || !unusable) throw cause;
      const found = `${file.length} bytes that are no readable picture`;
      throw new UpstreamFailed(`The preprocessor ${serviceName(base)} answered ${processor} with ${found}`, { cause });
    }
  }

  private async send(
    base: string,
    { picture, processor, options }: AnnotationCall,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const url = new URL(`image/${encodeURIComponent(processor)}`, base.endsWith("/") ? base : `${base}/`);
    for (const [name, value] of Object.entries(options)) url.searchParams.set(name, String(value));
    const headers = { "content-type": "application/octet-stream", accept: "image/webp, image/png;q=0.9" };
    try {
      return await request(url, { method: "POST", headers, body: picture, signal, dispatcher: this.agent });
    } catch (cause) {
      throw unreachable(base, cause);
    }
  }

  private async read(
    base: string,
    { body }: Dispatcher.ResponseData,
    { maxBytes, hold }: AnswerLimits,
  ): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes)
          throw new UpstreamFailed(`The preprocessor ${serviceName(base)} sent too large an answer`);
        hold(CHUNKS_COST * bytes);
        chunks.push(chunk);
      }
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      throw unreachable(base, cause);
    }
    hold(bytes);
    return Buffer.concat(chunks);
  }
}

const unreachable = (base: string, cause: unknown) =>
  new UpstreamUnavailable(`The preprocessor ${serviceName(base)} cannot be reached; try again soon`, 5, { cause });
