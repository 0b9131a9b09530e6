/** A store that speaks S3, on loopback, with one empty bucket: s3rver from npm. */
import { createRequire } from "node:module";

interface S3Rver {
  run(): Promise<{ port: number }>;
  close(): Promise<void>;
}

type S3RverClass = new (options: {
  address: string;
  port: number;
  silent: boolean;
  directory: string;
  configureBuckets: { name: string }[];
}) => S3Rver;

export interface S3Server {
  endpoint: string;
  close(): Promise<void>;
}

/** The store's only credentials. */
export const S3_CREDENTIALS = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" };

export async function startS3Server(directory: string, bucket: string): Promise<S3Server> {
  // It brings no types of its own.
  const S3rver = createRequire(import.meta.url)("@20minutes/s3rver") as S3RverClass;
  const configureBuckets = [{ name: bucket }];
  const server = new S3rver({ address: "127.0.0.1", port: 0, silent: true, directory, configureBuckets });
  const { port } = await server.run();
  return { endpoint: `http://127.0.0.1:${port}`, close: () => server.close() };
}
