import { once } from "node:events";
import { connect } from "node:net";
import { Cancelled, InvalidModel } from "@armature/core";
import { QueueFull } from "@armature/jobs";
import { expect, test } from "vitest";
import { FakeClock } from "../../testing/fake-clock.js";
import { startService, until } from "../../testing/http-service.js";
import { EventStream, streamEvents } from "./event-stream.js";

async function streamingService() {
  const clock = new FakeClock();
  const streams: EventStream[] = [];
  const service = await startService((router) => {
    router.get("/events", (_req, res) => void streams.push(new EventStream(res, { clock })));
  });
  const opened = async () => {
    await until(() => streams.length > 0);
    return streams[0]!;
  };
  return { ...service, clock, opened };
}

test("events have ids, names and JSON on one line; heartbeats come between them", async () => {
  const { url, clock, opened } = await streamingService();
  const response = await fetch(`${url}/events`);
  expect(response.headers.get("Content-Type")).toBe("text/event-stream");
  expect(response.headers.get("X-Accel-Buffering")).toBe("no");
  const stream = await opened();
  await stream.send("queued", { position: 2 });
  await clock.advance(14_999);
  stream.offer("progress", { step: 1, text: "two\nlines" });
  await clock.advance(1);
  await clock.advance(15_000);
  await stream.send("completed", {});
  stream.end();
  expect(await response.text()).toBe(
    "retry: 2000\n\n" +
      'id: 1\nevent: queued\ndata: {"position":2}\n\n' +
      'id: 2\nevent: progress\ndata: {"step":1,"text":"two\\nlines"}\n\n' +
      ": keep-alive\n\n: keep-alive\n\n" +
      "id: 3\nevent: completed\ndata: {}\n\n",
  );
});

test("after its end, and after the client has gone, a stream takes events and does nothing", async () => {
  const { url, clock, opened } = await streamingService();
  const controller = new AbortController();
  await fetch(`${url}/events`, { signal: controller.signal });
  const stream = await opened();
  controller.abort();
  await until(() => {
    stream.offer("progress", {});
    return true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await stream.send("completed", {});
  stream.end();
  await stream.send("more", {});
  await clock.advance(60_000);
});

test("a client that does not read holds up what must arrive, loses what is out of date, and is cut off in the end", async () => {
  const { port, clock, opened } = await streamingService();
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.pause();
  socket.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  const stream = await opened();
  let arrived = false;
  const sent = stream.send("output", "x".repeat(20_000_000)).then(() => {
    arrived = true;
  });
  const before = process.memoryUsage().external + process.memoryUsage().heapUsed;
  for (let i = 0; i < 2_000; i++) stream.offer("progress", "y".repeat(100_000));
  expect(process.memoryUsage().external + process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(arrived).toBe(false);
  await clock.advance(59_999);
  expect(arrived).toBe(false);
  await clock.advance(1);
  await sent;
  socket.resume();
  await once(socket, "close");
});

test.each([
  [new QueueFull(3), "warn", 429, "queue-full"],
  [new InvalidModel("/models/secret"), "error", 500, "invalid-model"],
  [new Cancelled(), "info", 499, "cancelled"],
])("a failure that events tell is logged and counted as what it was: %s", async (thrown, level, status, code) => {
  const { url, log } = await startService((router) => {
    router.get("/events", (_req, res) => {
      const events = (async function* () {
        yield { event: "queued", data: {} };
        throw thrown;
      })();
      return streamEvents(res, events, { passing: [] });
    });
  });
  const answer = await fetch(`${url}/events`);
  expect(answer.status).toBe(200);
  await answer.text();
  await until(() => log.length > 0);
  expect(log[0]).toMatchObject({ level, route: "/events", status, code });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain(`http_request_duration_seconds_count{route="/events",method="GET",status="${status}"} 1`);
  expect(metrics).toContain(`http_problems_total{route="/events",code="${code}"} 1`);
});
