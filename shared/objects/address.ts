/** Addresses of buckets, `s3://bucket/prefix`. */
import { InvalidConfig } from "@armature/core";

interface ObjectAddress {
  bucket: string;
  /** Prefix of the keys, without slashes at its ends; empty: the whole bucket. */
  prefix: string;
}

/** `s3://bucket/some/prefix` → its parts. Throws InvalidConfig. */
export function parseS3Url(url: string): ObjectAddress {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/*$/.exec(url);
  if (!match?.[1])
    throw new InvalidConfig(`${JSON.stringify(url)} is no S3 address; write s3://bucket or s3://bucket/prefix`);
  return { bucket: match[1], prefix: match[2] ?? "" };
}
