/**
 * A bucket with the files of a models' folder as they lie there, below `prefix`, and its lock file at the top. Any store that
 * speaks S3 will do: checksums that only AWS knows are left out where an endpoint of one's own is set.
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
import { InvalidConfig } from "../../errors.js";
import { rangeAnswer } from "../http/byte-range.js";
import type { Headers, HttpClient } from "../http/http-client.js";
import { LOCK_FILE, lockText, parseLock, type WeightsLock } from "../lock-file.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { listingFromLock } from "./locked-listing.js";
import type { ByteRange, ByteSink, FileAddress, Listing, WeightSource } from "./source.js";

export interface S3Options {
  region: string;
  /** A store other than AWS; undefined lets the SDK choose. */
  endpoint: string | undefined;
  /** `endpoint/bucket/key` in place of `bucket.endpoint/key`. */
  forcePathStyle: boolean;
  stallTimeoutMs: number;
  connectTimeoutMs: number;
  /** Brings the bodies. Closed with the bucket. */
  http: HttpClient;
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

export class S3Bucket implements WeightSource {
  readonly name: string;
  readonly isLocal = false;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  #lock: Promise<WeightsLock> | undefined;

  /** `url`: `s3://bucket/prefix`. Credentials come from where the SDK looks for them. */
  constructor(
    url: string,
    private readonly options: S3Options,
  ) {
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

  async list(repository: string, revision: string, signal: AbortSignal): Promise<Listing> {
    this.#lock ??= this.#requireLock(signal);
    return listingFromLock(await this.#lock, this.name, repository, revision);
  }

  /** The SDK signs the request; the body comes over our own client, whose memory is pooled: 50 MB less are resident. */
  async read(file: FileAddress, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const { http } = this.options;
    const { url, headers } = await this.#send(() => this.#signedGet(this.#key(file), range), signal);
    let begun = false;
    const answer = await http.stream(url, headers, signal, (answer) => {
      const found = rangeAnswer(answer);
      if (!found) return undefined;
      begun = true;
      sink.begin(found);
      return sink;
    });
    if (!begun) throw this.#refusal(answer.status, `${file.repository}/${file.path}: answers ${answer.status}`);
  }

  /** The bucket's lock file; undefined if it has none yet. */
  async readLock(signal: AbortSignal): Promise<WeightsLock | undefined> {
    const command = new GetObjectCommand(this.#at(LOCK_FILE));
    try {
      const answer = await this.#client.send(command, { abortSignal: signal });
      return parseLock((await answer.Body?.transformToString()) ?? "", `${this.name}/${LOCK_FILE}`);
    } catch (error) {
      if (errorName(error) === "NoSuchKey") return undefined;
      throw this.#asUnavailable(error, signal);
    }
  }

  async writeLock(lock: WeightsLock, signal: AbortSignal): Promise<void> {
    const command = new PutObjectCommand({
      ...this.#at(LOCK_FILE),
      Body: lockText(lock),
      ContentType: "application/json",
    });
    await this.#send(() => this.#client.send(command, { abortSignal: signal }), signal);
  }

  /** True if the bucket has this file with these bytes, as whoever stored it said. */
  async holds(file: FileAddress, sha256: string, signal: AbortSignal): Promise<boolean> {
    const command = new HeadObjectCommand(this.#at(this.#key(file)));
    try {
      const { ContentLength, Metadata } = await this.#client.send(command, { abortSignal: signal });
      return ContentLength === file.size && Metadata?.sha256 === sha256;
    } catch (error) {
      if (["NotFound", "NoSuchKey"].includes(errorName(error))) return false;
      throw this.#asUnavailable(error, signal);
    }
  }

  /** Stores a file of the disk, a long one in parts. `onBytes` hears the count after each. */
  async store(
    path: string,
    file: FileAddress,
    sha256: string,
    signal: AbortSignal,
    onBytes: (done: number) => void,
  ): Promise<void> {
    const target = this.#at(this.#key(file));
    const abort = { abortSignal: signal };
    if (file.size <= PART_BYTES) {
      await this.#send(async () => {
        const Body = await readFile(path);
        return this.#client.send(new PutObjectCommand({ ...target, Body, Metadata: { sha256 } }), abort);
      }, signal);
      return onBytes(file.size);
    }
    const started = await this.#send(
      () => this.#client.send(new CreateMultipartUploadCommand({ ...target, Metadata: { sha256 } }), abort),
      signal,
    );
    const upload = { ...target, UploadId: started.UploadId };
    try {
      const parts: CompletedPart[] = [];
      for (let start = 0; start < file.size; start += PART_BYTES) {
        const end = Math.min(file.size, start + PART_BYTES);
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

  async close(): Promise<void> {
    this.#client.destroy();
    await this.options.http.close();
  }

  async #requireLock(signal: AbortSignal): Promise<WeightsLock> {
    const lock = await this.readLock(signal);
    if (lock) return lock;
    throw new WeightsUnavailable("not-pinned", `${this.name} has no ${LOCK_FILE}: fill it with --mirror-to`);
  }

  #key({ repository, path }: FileAddress): string {
    return `${repository}/${path}`;
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix ? `${this.#prefix}/${key}` : key };
  }

  async #send<Result>(send: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    try {
      return await send();
    } catch (error) {
      throw this.#asUnavailable(error, signal);
    }
  }

  /** The request for a range of an object, as the SDK would send it. */
  async #signedGet(key: string, { start, end }: ByteRange): Promise<{ url: URL; headers: Headers }> {
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

  #asUnavailable(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof WeightsUnavailable || error instanceof InvalidConfig) return error;
    const { message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    const name = errorName(error);
    const status = name === "CredentialsProviderError" ? 401 : ($metadata?.httpStatusCode ?? 0);
    return this.#refusal(
      ["NoSuchKey", "NotFound", "NoSuchBucket"].includes(name) ? 404 : status,
      `${name}: ${message}`,
      error,
    );
  }

  #refusal(status: number, what: string, cause?: unknown): WeightsUnavailable {
    const text = `${this.name}: ${what}`;
    if (status === 404) return new WeightsUnavailable("missing-file", text, { cause });
    if (status === 401 || status === 403) {
      return new WeightsUnavailable("token-refused", `${text}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`, {
        cause,
      });
    }
    // 503 is S3's "slow down".
    if (status === 429 || status === 503) return new WeightsUnavailable("rate-limited", text, { cause });
    return new WeightsUnavailable(status >= 400 && status < 500 ? "unexpected-answer" : "unreachable", text, { cause });
  }
}

/** `s3://bucket/some/prefix` → its parts. Throws InvalidConfig. */
export function parseS3Url(url: string): { bucket: string; prefix: string } {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/*$/.exec(url);
  if (!match?.[1])
    throw new InvalidConfig(`${JSON.stringify(url)} is no S3 address; write s3://bucket or s3://bucket/prefix`);
  return { bucket: match[1], prefix: match[2] ?? "" };
}

function errorName(error: unknown): string {
  return (error as Error).name;
}
