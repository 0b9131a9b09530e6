/** Connections of odd clients and odd machines: each gets an answer or a close. */
import { connect, Server } from "node:net";
import { expect, test, vi } from "vitest";
import { rawExchange, startService } from "../../testing/http-service.js";
import { closed } from "./closed.js";

test("CONNECT is answered and closed", async () => {
  const { port } = await startService();
  const answer = await rawExchange(port, "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1.1 405 /);
  expect(answer).toContain('"code":"method-not-allowed"');
});

test("a client that closes its half while its answer is made is closed, and its work ends", async () => {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const { port } = await startService((router) =>
    router.get("/work", (_req, res) => closed(res).addEventListener("abort", end)),
  );
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  client.end("GET /work HTTP/1.1\r\nHost: x\r\n\r\n").resume();
  await ended;
  client.destroy();
});

test("HOST=:: is all IPv4 addresses where the kernel has no IPv6", async () => {
  const listen = vi.spyOn(Server.prototype, "listen").mockImplementationOnce(function (this: Server) {
    const error = Object.assign(new Error("listen EAFNOSUPPORT"), { code: "EAFNOSUPPORT" });
    queueMicrotask(() => this.emit("error", error));
    return this;
  });
  const { url } = await startService(undefined, { server: { host: "::" } });
  expect(listen).toHaveBeenCalledTimes(2);
  expect(url).toMatch(/^http:\/\/0\.0\.0\.0:/);
  listen.mockRestore();
});
