/** A user and a password that are written into an address: sent to its origin alone, and never part of a message. */
import type { Headers } from "./exchange.js";

export interface Address {
  url: URL;
  /** RFC 7617; empty where the address names no user. */
  credentials: Headers;
}

/** `https://user:password@host/path` → the address without them, and the header that carries them. */
export function withoutCredentials(address: string): Address {
  const url = new URL(address);
  const { username, password } = url;
  url.username = "";
  url.password = "";
  if (!username) return { url, credentials: {} };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url, credentials: { authorization: `Basic ${Buffer.from(pair).toString("base64")}` } };
}
