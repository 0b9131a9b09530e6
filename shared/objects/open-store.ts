/** Opens an S3 store; the client is loaded with the first one. */
import type { S3Options, S3Store } from "./s3-store.js";

/** The SDK takes 10 MB and a quarter of a second to load: only those who use S3 pay for it. `url`: `s3://bucket/prefix`. */
export async function openS3Store(url: string, options: S3Options): Promise<S3Store> {
  const { S3Store } = await import("./s3-store.js");
  return new S3Store(url, options);
}
