/** The source that a name stands for. */
import { openS3Store } from "@armature/objects";
import { HTTP_DEFAULTS, HttpClient, type HttpOptions } from "../http/http-client.js";
import { Hub } from "../hub.js";
import { hubCacheDir, hubToken, type WeightsEnvironment } from "../weights-environment.js";
import { HuggingFaceCache } from "./hf-cache.js";
import { HttpMirror } from "./http-mirror.js";
import { HubSource } from "./hub-source.js";
import { LocalDirectory } from "./local-directory.js";
import { S3Bucket } from "./s3-bucket.js";
import type { WeightSource } from "./source.js";

const TOKEN_HOST = "huggingface.co";

/** `s3://bucket/prefix`, the URL of a mirror, a directory; undefined for the Hub, or its cache when offline. */
export async function openSource(
  from: string | undefined,
  env: WeightsEnvironment,
  http: Partial<HttpOptions> = {},
): Promise<WeightSource> {
  if (from?.startsWith("s3://")) return openBucket(from, env);
  if (from !== undefined && !/^https?:\/\//.test(from)) return new LocalDirectory(from);
  if (from === undefined && env.HF_HUB_OFFLINE) return openCache(env);
  const client = new HttpClient({ ...HTTP_DEFAULTS, proxies: proxiesOf(env), ...http });
  if (from !== undefined) return new HttpMirror(from, client);
  const tokenHosts = [TOKEN_HOST, ...(env.HF_TOKEN_HOSTS ?? [])];
  return new HubSource(new Hub(client, { endpoint: env.HF_ENDPOINT, token: hubToken(env), tokenHosts }), client);
}

export function openCache(env: WeightsEnvironment): HuggingFaceCache {
  return new HuggingFaceCache(hubCacheDir(env));
}

/** Throws InvalidConfig for what is no `s3://bucket/prefix`. */
export async function openBucket(url: string, env: WeightsEnvironment): Promise<S3Bucket> {
  const { stallTimeoutMs, connectTimeoutMs } = HTTP_DEFAULTS;
  const store = await openS3Store(url, {
    region: env.AWS_REGION,
    endpoint: env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL,
    forcePathStyle: env.S3_FORCE_PATH_STYLE,
    stallTimeoutMs,
    connectTimeoutMs,
  });
  return new S3Bucket(store, new HttpClient({ ...HTTP_DEFAULTS, proxies: proxiesOf(env) }));
}

function proxiesOf({ HTTP_PROXY, HTTPS_PROXY, NO_PROXY }: WeightsEnvironment): HttpOptions["proxies"] {
  if (!HTTP_PROXY && !HTTPS_PROXY) return undefined;
  return { httpProxy: HTTP_PROXY, httpsProxy: HTTPS_PROXY ?? HTTP_PROXY, noProxy: NO_PROXY };
}
