/** What a peer does at the very moment when nobody takes the body must not end the process; vitest fails on what nobody catches. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, buildConnector, request } from "undici";
import { afterEach, expect, test } from "vitest";
import { steadyConnector } from "./steady-connector.js";

/** More than undici takes before it asks to pause (64 KB), in one piece. */
const BODY = Buffer.alloc(100_000, "a");
const FRAMINGS = {
  "a length": `content-length: ${BODY.length}\r\nconnection: close\r\n\r\n`,
  "no length": "connection: close\r\n\r\n",
};

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(answer: (socket: Socket) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function agent(): Agent {
  const agent = new Agent({ connect: steadyConnector(buildConnector({ timeout: 1000 })) });
  closing.push(() => void agent.destroy());
  return agent;
}

test.each(Object.entries(FRAMINGS))(
  "a body with %s that is read late, after its end, arrives whole",
  async (_what, headers) => {
    const url = await listen((socket) => socket.write(`HTTP/1.1 200 OK\r\n${headers}`, () => socket.end(BODY)));
    const { body } = await request(url, { dispatcher: agent() });
    await sleep(100);
    expect(Buffer.from(await body.arrayBuffer()).equals(BODY)).toBe(true);
  },
);

test.each(Object.entries(FRAMINGS))(
  "a body with %s whose connection is reset while it waits is lost, and no more",
  async (_what, headers) => {
    const url = await listen((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${headers}`);
      socket.write(BODY.subarray(1), () => setTimeout(() => socket.resetAndDestroy(), 50));
    });
    const { body } = await request(url, { dispatcher: agent() });
    await sleep(150);
    await expect(body.arrayBuffer()).rejects.toThrow();
  },
);

test("a body that nobody ever reads does no harm", async () => {
  const url = await listen((socket) =>
    socket.write(`HTTP/1.1 200 OK\r\n${FRAMINGS["a length"]}`, () => socket.end(BODY)),
  );
  const dispatcher = agent();
  const { body } = await request(url, { dispatcher });
  body.on("error", () => {});
  await sleep(100);
  await dispatcher.destroy();
});
