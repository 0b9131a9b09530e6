/**
 * A bucket with the files of a models' folder as they lie there, below `prefix`, and its lock file at the top. Any store that
 * speaks S3 will do: checksums that only AWS knows are left out where an endpoint of one's own is set.
 */

import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
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

  async list(repository: string, revision: string, signal: AbortSignal): Promise<Listing> {
    this.#lock ??= this.#requireLock(signal);
    return listingFromLock(await this.#lock, this.name, repository, revision);
  }

  async read(file: FileAddress, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const bytes = `bytes=${range.start}-${range.end - 1}`;
    const command = new GetObjectCommand({ ...this.#at(this.#key(file)), Range: bytes });
    const answer = await this.#send(() => this.#client.send(command, { abortSignal: signal }), signal);
    const total = Number(answer.ContentRange?.split("/")[1] ?? answer.ContentLength);
    const whole = answer.ContentRange === undefined;
    if (!(answer.Body instanceof Readable)) throw new WeightsUnavailable("unexpected-answer", `${this.name}: no body`);
    try {
      sink.begin({ start: whole ? 0 : range.start, whole, total });
      for await (const piece of answer.Body) await sink.write(piece as Buffer);
    } catch (error) {
      throw this.#asUnavailable(error, signal);
    } finally {
      answer.Body.destroy();
    }
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

  #asUnavailable(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof WeightsUnavailable || error instanceof InvalidConfig) return error;
    const { message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    const name = errorName(error);
    const status = $metadata?.httpStatusCode ?? 0;
    const text = `${this.name}: ${name}: ${message}`;
    if (["NoSuchKey", "NotFound", "NoSuchBucket"].includes(name)) {
      return new WeightsUnavailable("missing-file", text, { cause: error });
    }
    if (status === 401 || status === 403 || name === "CredentialsProviderError") {
      return new WeightsUnavailable("token-refused", `${text}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`, {
        cause: error,
      });
    }
    if (status === 429 || name === "SlowDown") return new WeightsUnavailable("rate-limited", text, { cause: error });
    return new WeightsUnavailable(status >= 400 && status < 500 ? "unexpected-answer" : "unreachable", text, {
      cause: error,
    });
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
