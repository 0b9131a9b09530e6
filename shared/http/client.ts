/** The client that a request belongs to, for what is shared out among clients. */
import { isIP } from "node:net";
import type { Request } from "express";

/** The client of a request: its address, or what a trusted proxy says of it. */
export function clientOf(req: Request): string {
  const named = withoutPort(req.ip ?? "");
  return holderOf(isIP(named) ? named : (req.socket.remoteAddress ?? "")); // a proxy may pass on any text
}

/** A forwarded address without the port that some proxies add: `192.0.2.1:1234`, `[2001:db8::1]:80` (RFC 7239, section 6). */
export function withoutPort(address: string): string {
  const [, bracketed, plain] = /^(?:\[(.*)\](?::\d+)?|([\d.]+):\d+)$/.exec(address) ?? [];
  return bracketed ?? plain ?? address;
}

/** The holder of an address: an IPv4 address stands for itself, an IPv6 address for its /64, which one subscriber has whole. */
export function holderOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (isIP(address) !== 6) return address;
  return `${groupsOf(address).slice(0, 4).join(":")}::/64`;
}

/** RFC 4291, section 2.2: `::` stands for as many groups of zero as are missing from eight. */
function groupsOf(address: string): string[] {
  const [head = "", tail = ""] = address.replace(/%.*$/, "").split("::");
  const split = (text: string) => (text ? text.split(":") : []);
  const [first, last] = [split(head), split(tail)];
  const length = first.length + last.length + (address.includes(".") ? 1 : 0);
  const zeros: string[] = address.includes("::") ? Array(Math.max(0, 8 - length)).fill("0") : [];
  return [...first, ...zeros, ...last].map((group) => Number.parseInt(group, 16).toString(16));
}
