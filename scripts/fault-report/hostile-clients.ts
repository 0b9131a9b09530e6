/** Clients that hold what they can: connections, uploads that never end, work for nobody; beside them an honest one. */
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { sharp } from "@armature/images";
import type { FaultRow } from "./fault-row.js";

/** Another address of this machine than that of honest clients. */
const HOSTILE_ADDRESS = "127.0.0.2";

/** An honest client is served within this time, though it is told to come again. */
const HONEST_MS = 5_000;

const UPLOAD_BYTES = 32_000_000;

const upload = `POST /image/canny HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`;

/** What each client does with its connection. */
const KINDS: Readonly<Record<string, (socket: Socket, picture: Buffer) => void>> = {
  "client: connections that say nothing": () => {},
  "client: headers that never end": (socket) => void socket.write("GET /processors HTTP/1.1\r\nHost: localhost\r\nA: "),
  "client: uploads of 32 MB that never end": (socket) => {
    socket.write(upload);
    socket.write(Buffer.alloc(UPLOAD_BYTES / 4));
  },
  "client: asks for work, and leaves": (socket, picture) => {
    const head = "POST /image/depth_midas HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n";
    socket.write(`${head}Content-Length: ${picture.length}\r\n\r\n`);
    socket.write(picture, () => setTimeout(() => socket.destroy(), 50));
  },
};

/** `count` clients of each kind at once; after each tenth an honest request. Held: how many of these were answered in time. */
export async function hostileClients(url: string, count: number): Promise<FaultRow[]> {
  const picture = await sharp({ create: { width: 256, height: 256, channels: 3, background: "#446688" } })
    .png()
    .toBuffer();
  const rows: FaultRow[] = [];
  for (const [kind, act] of Object.entries(KINDS)) {
    const { hostname: host, port } = new URL(url);
    const sockets: Socket[] = [];
    const waits: number[] = [];
    for (let i = 0; i < count; i++) {
      const socket = connect({ host, port: Number(port), localAddress: HOSTILE_ADDRESS });
      sockets.push(socket.on("error", () => {}).resume());
      act(socket, picture);
      if (i % 10 === 9) waits.push(await honestMs(url, picture).catch(() => Number.POSITIVE_INFINITY));
    }
    for (const socket of sockets) socket.destroy();
    await delay(100);
    waits.push(await honestMs(url, picture).catch(() => Number.POSITIVE_INFINITY));
    const slowest = Math.max(...waits);
    const worst = Number.isFinite(slowest)
      ? `an honest client waited ${slowest.toFixed(0)} ms`
      : "an honest client was refused";
    rows.push({ kind, tried: waits.length, held: waits.filter((ms) => ms < HONEST_MS).length, worst });
  }
  return rows;
}

/** How long an honest client takes to be served, which comes again when a 429 says so; infinite if it is refused otherwise. */
async function honestMs(url: string, picture: Buffer): Promise<number> {
  const start = performance.now();
  const headers = { "Content-Type": "image/png", Connection: "close" };
  while (performance.now() - start < HONEST_MS) {
    const answer = await fetch(`${url}/image/canny`, { method: "POST", headers, body: new Uint8Array(picture) });
    await answer.arrayBuffer();
    if (answer.status === 200) return performance.now() - start;
    if (answer.status !== 429) break;
    await delay(1_000 * Number(answer.headers.get("Retry-After")));
  }
  return Number.POSITIVE_INFINITY;
}
