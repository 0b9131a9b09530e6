/** Bodies are held against a budget before they are read. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ByteBudget } from "@armature/core";
import { afterEach, expect, test } from "vitest";
import { rawExchange, startService, until } from "../../testing/http-service.js";
import { jsonOrImageBody, releaseBody } from "./body.js";

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** A service whose bodies may hold 1 MB; `POST /work` answers when `answer` is called, `POST /quick` at once. */
async function service(perClientBytes?: number) {
  const budget = new ByteBudget({
    what: "bodies",
    limitBytes: 1e6,
    ...(perClientBytes !== undefined && { perClientBytes }),
  });
  const held: number[] = [];
  let answer = () => {};
  const { port, url } = await startService((router) => {
    const body = jsonOrImageBody({ maxBytes: 10e6, budget });
    router.post("/work", body, async (req, res) => {
      held.push(budget.heldBytes);
      releaseBody(req);
      held.push(budget.heldBytes, req.body?.length ?? 0);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      res.json({});
    });
    router.post("/quick", body, (_req, res) => void res.json({}));
  });
  const begin = (head: string, bytes = "", from = "127.0.0.1") => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: from });
    open.push(socket.on("error", () => {}));
    socket.write(`POST /work HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n${head}\r\n\r\n${bytes}`);
    return socket.setEncoding("utf8");
  };
  const send = (path: string, length: number, type = "image/png") => {
    const body = type === "image/png" ? "x".repeat(length) : JSON.stringify("x".repeat(length - 2));
    return fetch(url + path, { method: "POST", headers: { "Content-Type": type }, body });
  };
  return { port, budget, held, begin, send, answer: () => answer() };
}

const read = async (socket: Socket) => ((await once(socket, "data")) as [string])[0];

test("a body's declared length is held before it comes, and given back when its sender leaves", async () => {
  const { begin, budget } = await service();
  const sender = begin("Content-Length: 900000", "a few bytes");
  await until(() => budget.heldBytes === 900_000);
  const refused = await read(begin("Content-Length: 200000"));
  expect(refused).toMatch(/^HTTP\/1.1 429 .*\r\nRetry-After: 2\r\n/s);
  expect(refused).toContain('"code":"budget-full"');
  expect(refused).toContain("0.9 MB are held and 0.2 MB more are wanted, of at most 1.0 MB");
  sender.destroy();
  await until(() => budget.heldBytes === 0);
});

test("what could never be held is a 413 with the sums", async () => {
  const { begin } = await service();
  const refused = await read(begin("Content-Length: 2000000"));
  expect(refused).toMatch(/^HTTP\/1.1 413 /);
  expect(refused).toContain("The request needs 2.0 MB for bodies; all requests together may hold 1.0 MB");
});

test("a chunked body is held as it comes", async () => {
  const { begin, budget } = await service();
  const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
  const sender = begin("Transfer-Encoding: chunked", chunk);
  await until(() => budget.heldBytes === 2 * 0x8000);
  sender.write(chunk.repeat(20));
  expect(await read(sender)).toMatch(/^HTTP\/1.1 413 /);
  await until(() => budget.heldBytes === 0);
});

test("JSON is held twice; a route lets go of what it has taken elsewhere", async () => {
  const { send, held, answer, budget } = await service();
  const answered = send("/work", 450_000, "application/json");
  await until(() => held.length > 0);
  answer();
  expect((await answered).status).toBe(200);
  expect(held).toEqual([900_000, 0, 0]);
  expect((await send("/quick", 500_000)).status).toBe(200);
  await until(() => budget.heldBytes === 0);
});

test("prompts come in though pictures fill the budget", async () => {
  const { begin, budget, send } = await service();
  begin("Content-Length: 1000000");
  await until(() => budget.heldBytes === 1_000_000);
  expect((await send("/quick", 20_000)).status).toBe(429);
  expect((await send("/quick", 5_000, "application/json")).status).toBe(200);
});

test("one client cannot fill the budget, and is told of its share", async () => {
  const { begin, budget, port } = await service(600_000);
  begin("Content-Length: 500000", "", "127.0.0.2");
  await until(() => budget.heldBytes === 500_000);
  const refused = await read(begin("Content-Length: 200000", "", "127.0.0.2"));
  expect(refused).toContain("No room for bodies of one client: 0.5 MB are held");
  const body = "x".repeat(400_000);
  const head = `POST /quick HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nConnection: close\r\nContent-Length: ${body.length}`;
  expect(await rawExchange(port, `${head}\r\n\r\n${body}`)).toMatch(/^HTTP\/1.1 200 /);
});
