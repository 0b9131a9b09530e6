/** The environment variables of fetching weights: the Hub's own names, those of the AWS SDK, and ours. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { commaList, flag } from "@armature/config";
import { z } from "zod";
import { HUB_ENDPOINT } from "./hub.js";

export const WeightsEnvironment = z.object({
  MODELS_DIR: z.string().default("models").describe("Folder that the weights go to"),
  HF_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .default(HUB_ENDPOINT)
    .describe("The Hub, or a mirror that speaks its protocol"),
  HF_TOKEN: z.string().optional().describe("Token for private and gated repositories").meta({ secret: true }),
  HF_TOKEN_PATH: z
    .string()
    .optional()
    .describe("File with the token; else `token` in HF_HOME, as `hf auth login` writes it"),
  HF_TOKEN_HOSTS: commaList(z.string()).describe(
    "Hosts that may see the token, besides huggingface.co; no other ever does",
  ),
  HF_HOME: z.string().optional().describe("Folder of the Python library; else ~/.cache/huggingface"),
  HF_HUB_CACHE: z.string().optional().describe("Its cache; else `hub` in HF_HOME. What it holds is not downloaded"),
  HF_HUB_OFFLINE: flag().default(false).describe("Ask nothing of the network: only the cache and what is pinned"),
  AWS_REGION: z.string().default("us-east-1").describe("Region of s3:// sources"),
  AWS_ENDPOINT_URL_S3: z.string().optional().describe("A store other than AWS"),
  AWS_ENDPOINT_URL: z.string().optional().describe("The same, if AWS_ENDPOINT_URL_S3 is unset"),
  S3_FORCE_PATH_STYLE: flag()
    .default(false)
    .describe("Write the bucket into the path of a URL, not into the host name"),
  HTTPS_PROXY: z.string().optional().describe("Proxy for https"),
  HTTP_PROXY: z.string().optional().describe("Proxy for http"),
  NO_PROXY: z.string().optional().describe("Hosts to reach without a proxy"),
});

export type WeightsEnvironment = z.infer<typeof WeightsEnvironment>;

/** The folder of the Python library's cache. */
export function hubCacheDir({ HF_HUB_CACHE, HF_HOME }: WeightsEnvironment): string {
  return HF_HUB_CACHE ?? join(HF_HOME ?? defaultHome(), "hub");
}

/** The token that was given, or that the Python library's login left. Undefined if there is none. */
export function hubToken({ HF_TOKEN, HF_TOKEN_PATH, HF_HOME }: WeightsEnvironment): string | undefined {
  if (HF_TOKEN) return HF_TOKEN;
  try {
    return readFileSync(HF_TOKEN_PATH ?? join(HF_HOME ?? defaultHome(), "token"), "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

function defaultHome(): string {
  return join(homedir(), ".cache", "huggingface");
}
