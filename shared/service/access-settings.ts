/** Variables that say who may do what, and from where. */
import { isIP } from "node:net";
import { commaList } from "@armature/config";
import { type Access, isLoopback } from "@armature/http";
import { z } from "zod";

const hostName = z
  .string()
  .regex(/^[\w-]+(\.[\w-]+)*$/, "wants names without scheme and port, such as armature.example")
  .toLowerCase();

const origin = z.string().refine((text) => text === "*" || (URL.canParse(text) && new URL(text).origin === text), {
  error: "wants origins such as https://app.example, or *",
});

/** Names of networks that Express knows. */
const NETWORKS = ["loopback", "linklocal", "uniquelocal"];

const trustedProxies = z
  .string()
  .optional()
  .transform((text) => (text && /^\d+$/.test(text) ? Number(text) : text?.split(",").map((part) => part.trim())))
  .refine((value) => !Array.isArray(value) || value.every(isNetwork), {
    error: "wants how many proxies stand before the service, or their addresses and networks such as 10.0.0.0/8",
  });

function isNetwork(text: string): boolean {
  const [address = "", prefix, ...further] = text.split("/");
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (prefix === undefined) return bits > 0 || NETWORKS.includes(text);
  return further.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}

export const accessSettings = {
  ADMIN_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .optional()
    .describe(
      "Port for health, readiness, metrics and operator routes, which PORT then has no more; 0 picks a free one; default: all on PORT",
    ),
  HOSTS: commaList(hostName).describe(
    "Names of this service in Host headers, comma-separated, besides localhost and addresses; checked on operator routes, and on all while HOST is a loopback address",
  ),
  CORS_ORIGINS: commaList(origin).describe(
    "Origins whose pages may use the service from a browser, comma-separated, such as https://app.example; *: all; default none. Never operator routes",
  ),
  TRUST_PROXY: trustedProxies.describe(
    "Proxies that are believed about their clients: how many stand before the service, or their addresses and networks, comma-separated; default none",
  ),
  MAX_CONNECTIONS_PER_ADDRESS: z.coerce
    .number()
    .int()
    .min(1)
    .default(128)
    .describe("Connections that one client address may hold to a port; those of trusted proxies are not counted"),
};

const AccessConfig = z.object({ HOST: z.string(), ...accessSettings });
export type AccessConfig = z.infer<typeof AccessConfig>;

/** What an application needs to know of these settings. */
export function accessOptions(config: AccessConfig): { access: Access; separateAdmin: boolean } {
  const { HOST, HOSTS = [], CORS_ORIGINS = [], TRUST_PROXY, ADMIN_PORT } = config;
  const trust = TRUST_PROXY === undefined ? {} : { trustProxy: TRUST_PROXY };
  return {
    access: { loopbackOnly: isLoopback(HOST), hosts: HOSTS, corsOrigins: CORS_ORIGINS, ...trust },
    separateAdmin: ADMIN_PORT !== undefined,
  };
}
