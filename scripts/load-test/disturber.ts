/** Where k6 says what is to be done to the services that it cannot do itself. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What may be done, by name; each ends when it is done. */
export type Acts = Readonly<Record<string, () => void | Promise<void>>>;

/** Listens on this machine alone: `POST /act` does that act, once, and answers 204 after it, or 500 with what went wrong. */
export async function startDisturber(acts: Acts): Promise<{ url: string; stop(): void }> {
  const left = new Map(Object.entries(acts));
  const server = createServer(async (req, res) => {
    const name = req.url?.slice(1) ?? "";
    const act = req.method === "POST" ? left.get(name) : undefined;
    left.delete(name);
    if (!act) return void res.writeHead(404).end(`No act ${name}; left are ${[...left.keys()].join(", ") || "none"}`);
    try {
      await act();
      res.writeHead(204).end();
    } catch (error) {
      res.writeHead(500).end((error as Error).message);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => server.close() };
}
