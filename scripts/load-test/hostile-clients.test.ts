import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { platform } from "node:os";
import { afterEach, expect, test, vi } from "vitest";
import { attack } from "./hostile-clients.js";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Takes connections and answers nothing: those that are open, and the addresses that they came from. */
async function silentServer() {
  const open = new Set<Socket>();
  const addresses = new Set<string>();
  const server = createServer((socket) => {
    addresses.add(socket.remoteAddress!);
    open.add(socket);
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    socket.resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, open, addresses };
}

test.skipIf(platform() !== "linux")(
  "hostile clients hold hundreds of connections from addresses of their own, and all leave",
  async () => {
    const [diffusion, preprocessor] = [await silentServer(), await silentServer()];
    const file = Buffer.from("x");
    const pictures = { huge: file, large: file, bombs: [file], photo: file };
    const urls = { diffusion: diffusion.url, preprocessor: preprocessor.url };
    const { leave } = attack({ ...urls, pictures, drip: "http://127.0.0.1:1/" });
    await vi.waitUntil(() => diffusion.open.size > 400 && preprocessor.open.size > 460, { timeout: 30_000 });
    for (const { addresses } of [diffusion, preprocessor]) {
      expect([...addresses].filter((address) => /^127\.0\.0\.[1-8]$/.test(address))).toEqual([]);
      expect(addresses.size).toBeGreaterThan(3);
    }
    await leave();
    await vi.waitUntil(() => diffusion.open.size + preprocessor.open.size === 0, { timeout: 10_000 });
  },
);
