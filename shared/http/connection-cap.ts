/** A cap on the connections of one address, so that no client takes all that the server may hold. */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { holderOf } from "./client.js";

export interface ConnectionCap {
  maxPerAddress: number;
  /** Addresses that speak for many clients: proxies. */
  exempt(address: string): boolean;
  /** Answers a connection beyond the cap, and closes it. */
  refuse(socket: Socket): void;
}

/** Counts the server's connections by who holds their address. Tells which were refused: a request may still come on one. */
export function capConnections(
  server: Server,
  { maxPerAddress, exempt, refuse }: ConnectionCap,
): (socket: Socket) => boolean {
  const held = new Map<string, number>();
  const refused = new WeakSet<Socket>();
  server.on("connection", (socket) => {
    const address = socket.remoteAddress;
    if (address === undefined || exempt(address)) return;
    const holder = holderOf(address);
    const count = (held.get(holder) ?? 0) + 1;
    held.set(holder, count);
    socket.once("close", () => {
      const left = held.get(holder)! - 1;
      if (left > 0) held.set(holder, left);
      else held.delete(holder);
    });
    if (count <= maxPerAddress) return;
    refused.add(socket);
    refuse(socket);
  });
  return (socket) => refused.has(socket);
}
