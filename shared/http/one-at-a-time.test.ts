/** Requests that come on one connection before the one before them is answered. */
import { connect } from "node:net";
import { ByteBudget } from "@armature/core";
import { expect, test } from "vitest";
import { rawExchange, startService, until } from "../../testing/http-service.js";
import { jsonOrImageBody } from "./body.js";
import { closed } from "./closed.js";

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const picture = (bytes: number) =>
  `POST /picture HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`;

test("they are answered in their order", async () => {
  const { port } = await startService((router) => {
    router.get("/slow", (_req, res) => void setTimeout(() => res.send("slow"), 50));
    router.get("/quick", (_req, res) => void res.send("quick"));
  });
  const answers = await rawExchange(port, get("/slow") + get("/quick") + get("/quick", "Connection: close\r\n"));
  expect(answers.match(/^(slow|quick)/gm)).toEqual(["slow", "quick", "quick"]);
});

test("those behind a slow one hold nothing and begin nothing, and end with the client", async () => {
  const budget = new ByteBudget({ what: "bodies", limitBytes: 1e6 });
  const begun: string[] = [];
  let left = false;
  const server = await startService((router) => {
    router.get("/slow", (_req, res) => {
      begun.push("slow");
      closed(res).addEventListener("abort", () => {
        left = true;
      });
    });
    router.post("/picture", jsonOrImageBody({ maxBytes: 1e5, budget }), () => void begun.push("picture"));
  });
  const client = connect(server.port, "127.0.0.1");
  client.write(get("/slow") + picture(20_000) + picture(20_000));
  await until(() => begun.length > 0 && client.bytesWritten > 40_000);
  client.destroy();
  await until(() => left);
  await server.drain();
  expect({ begun, held: budget.heldBytes }).toEqual({ begun: ["slow"], held: 0 });
});
