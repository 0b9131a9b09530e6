/**
 * The objects of a bucket below a prefix. Any store that speaks S3 will do: checksums that only AWS knows are left out where an
 * endpoint of one's own is set. Every method throws ObjectStoreError, or the signal's reason once it is aborted.
 */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { parseS3Url } from "./address.js";
import { ObjectStoreError } from "./errors.js";

export interface S3Options {
  region: string;
  /** A store other than AWS; undefined lets the SDK choose. */
  endpoint: string | undefined;
  /** `endpoint/bucket/key` in place of `bucket.endpoint/key`. */
  forcePathStyle: boolean;
  stallTimeoutMs: number;
  connectTimeoutMs: number;
}

/** What a store says of an object. */
interface ObjectFacts {
  bytes: number;
  metadata: Record<string, string>;
}

/** What the SDK's middleware calls a request. */
interface SignedRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, unknown>;
  headers: Record<string, string>;
}

/** Parts of an upload. S3 takes at most 10 000 of them, so this serves files up to 320 GB. */
const PART_BYTES = 32 * 2 ** 20;

const NOT_FOUND: readonly string[] = ["NotFound", "NoSuchKey"];

export class S3Store {
  /** Name of the store in messages: `s3://bucket/prefix`. */
  readonly name: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  /** `url`: `s3://bucket/prefix`. Credentials come from where the SDK looks for them. Throws InvalidConfig. */
  constructor(url: string, options: S3Options) {
    const { bucket, prefix } = parseS3Url(url);
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.name = `s3://${bucket}${prefix ? `/${prefix}` : ""}`;
    const checksums = options.endpoint ? "WHEN_REQUIRED" : "WHEN_SUPPORTED";
    this.#client = new S3Client({
      region: options.region,
      endpoint: options.endpoint,
      forcePathStyle: options.forcePathStyle,
      requestChecksumCalculation: checksums,
      responseChecksumValidation: checksums,
      maxAttempts: 5,
      requestHandler: { requestTimeout: options.stallTimeoutMs, connectionTimeout: options.connectTimeoutMs },
    });
  }

  /** The text of a small object; undefined if there is none. One of more than `maxBytes` is refused with status 413. */
  async readText(key: string, maxBytes: number, signal: AbortSignal): Promise<string | undefined> {
    try {
      const answer = await this.#client.send(new GetObjectCommand(this.#at(key)), { abortSignal: signal });
      return await this.#boundedText(key, (answer.Body ?? []) as AsyncIterable<Uint8Array>, maxBytes);
    } catch (error) {
      if (NOT_FOUND.includes(errorName(error))) return undefined;
      throw this.#asStoreError(error, signal);
    }
  }

  async writeText(key: string, text: string, contentType: string, signal: AbortSignal): Promise<void> {
    const command = new PutObjectCommand({ ...this.#at(key), Body: text, ContentType: contentType });
    await this.#send(() => this.#client.send(command, { abortSignal: signal }), signal);
  }

  /** Size and metadata that an object was stored with; undefined if there is none. */
  async facts(key: string, signal: AbortSignal): Promise<ObjectFacts | undefined> {
    try {
      const command = new HeadObjectCommand(this.#at(key));
      const { ContentLength, Metadata } = await this.#client.send(command, { abortSignal: signal });
      return { bytes: ContentLength ?? 0, metadata: Metadata ?? {} };
    } catch (error) {
      if (NOT_FOUND.includes(errorName(error))) return undefined;
      throw this.#asStoreError(error, signal);
    }
  }

  /** Stores a file of the disk, a long one in parts. `onBytes` hears the count after each. */
  async storeFile(
    path: string,
    key: string,
    { bytes, metadata }: ObjectFacts,
    signal: AbortSignal,
    onBytes: (done: number) => void,
  ): Promise<void> {
    const target = { ...this.#at(key), Metadata: metadata };
    if (bytes > PART_BYTES) return this.#storeInParts(path, target, bytes, signal, onBytes);
    await this.#send(async () => {
      const command = new PutObjectCommand({ ...target, Body: await readFile(path) });
      return this.#client.send(command, { abortSignal: signal });
    }, signal);
    onBytes(bytes);
  }

  /** The request for a range of an object as the SDK would send it; who sends it chooses the memory that the bytes go through. */
  async signedGet(key: string, range: { start: number; end: number }, signal: AbortSignal) {
    return this.#send(() => this.#sign(key, range), signal);
  }

  close(): void {
    this.#client.destroy();
  }

  async #storeInParts(
    path: string,
    target: { Bucket: string; Key: string; Metadata: Record<string, string> },
    bytes: number,
    signal: AbortSignal,
    onBytes: (done: number) => void,
  ): Promise<void> {
    const abort = { abortSignal: signal };
    const started = await this.#send(() => this.#client.send(new CreateMultipartUploadCommand(target), abort), signal);
    const upload = { Bucket: target.Bucket, Key: target.Key, UploadId: started.UploadId };
    try {
      const parts: CompletedPart[] = [];
      for (let start = 0; start < bytes; start += PART_BYTES) {
        const end = Math.min(bytes, start + PART_BYTES);
        const PartNumber = parts.length + 1;
        const { ETag } = await this.#send(() => {
          const Body = createReadStream(path, { start, end: end - 1 });
          const command = new UploadPartCommand({ ...upload, PartNumber, Body, ContentLength: end - start });
          return this.#client.send(command, abort);
        }, signal);
        parts.push({ PartNumber, ETag });
        onBytes(end);
      }
      const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } });
      await this.#send(() => this.#client.send(complete, abort), signal);
    } catch (error) {
      // Parts of an upload that is not ended cost money until somebody ends it.
      await this.#client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
      throw error;
    }
  }

  /** Leaving the loop ends the connection with it. */
  async #boundedText(key: string, body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes > maxBytes) throw new ObjectStoreError(413, `${this.name}/${key}: has more than ${maxBytes} bytes`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString("utf8");
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix ? `${this.#prefix}/${key}` : key };
  }

  async #send<Result>(send: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    try {
      return await send();
    } catch (error) {
      throw this.#asStoreError(error, signal);
    }
  }

  async #sign(key: string, { start, end }: { start: number; end: number }) {
    const command = new GetObjectCommand({ ...this.#at(key), Range: `bytes=${start}-${end - 1}` });
    let signed: SignedRequest | undefined;
    // The last step before sending: the signature is there, and what follows is ours to do.
    command.middlewareStack.add(
      () => async (args) => {
        signed = args.request as SignedRequest;
        return { response: undefined, output: { $metadata: {} } };
      },
      { step: "finalizeRequest", priority: "low", name: "captureRequest" },
    );
    await this.#client.send(command);
    if (!signed) throw new Error("the SDK signed no request");
    const { protocol, hostname, port, path, query, headers } = signed;
    const url = new URL(`${protocol}//${hostname}${port ? `:${port}` : ""}${path}`);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, String(value));
    return { url, headers };
  }

  #asStoreError(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof ObjectStoreError) return error;
    const { message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    const name = errorName(error);
    const status = name === "CredentialsProviderError" ? 401 : ($metadata?.httpStatusCode ?? 0);
    const absent = NOT_FOUND.includes(name) || name === "NoSuchBucket";
    return new ObjectStoreError(absent ? 404 : status, `${this.name}: ${name}: ${message}`, { cause: error });
  }
}

function errorName(error: unknown): string {
  return (error as Error).name;
}
