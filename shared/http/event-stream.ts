/** Server-sent events (HTML Living Standard, section 9.2), for progress. */
import type { ServerResponse } from "node:http";
import { Cancelled, type Clock, systemClock } from "@armature/core";
import { noteProblem } from "./outcome.js";
import { requestId, toProblem } from "./problem.js";

export interface EventStreamOptions {
  /** A comment goes out this often, since proxies close connections that are idle (the strictest after 60 to 100 s). */
  heartbeatMs?: number;
  /** How long a client waits before it connects again. */
  retryMs?: number;
  clock?: Clock;
}

/** Heartbeats that find the last bytes still unread; then the client counts as gone. */
const MAX_STALLED_BEATS = 4;

/** One answer of events. Ids count from 1. After `end`, or when the client has gone, nothing is written any more. */
export class EventStream {
  readonly #res: ServerResponse;
  readonly #clock: Clock;
  readonly #heartbeatMs: number;
  #lastId = 0;
  #stalledBeats = 0;
  #stopHeartbeat = () => {};

  constructor(
    res: ServerResponse,
    { heartbeatMs = 15_000, retryMs = 2_000, clock = systemClock }: EventStreamOptions = {},
  ) {
    this.#res = res;
    this.#clock = clock;
    this.#heartbeatMs = heartbeatMs;
    res.statusCode = 200;
    res.setHeader("Content-Type", "text/event-stream");
    res.setHeader("Cache-Control", "no-store");
    res.setHeader("X-Accel-Buffering", "no"); // nginx would hold the events back
    res.write(`retry: ${retryMs}\n\n`);
    res.once("close", () => this.#stopHeartbeat());
    this.#beatLater();
  }

  get #open(): boolean {
    return !this.#res.writableEnded && !this.#res.destroyed;
  }

  /** Sends an event that must arrive; resolves when the client keeps up, or is gone. `data` is sent as JSON. */
  async send(event: string, data: unknown): Promise<void> {
    if (!this.#open) return;
    if (this.#write(event, data)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#res.off("drain", done).off("close", done);
        resolve();
      };
      this.#res.on("drain", done).on("close", done);
    });
  }

  /** Sends an event that the next one makes out of date, such as progress: left out while the client lags behind. */
  offer(event: string, data: unknown): void {
    if (this.#open && !this.#res.writableNeedDrain) this.#write(event, data);
  }

  end(): void {
    this.#stopHeartbeat();
    if (this.#open) this.#res.end();
  }

  #write(event: string, data: unknown): boolean {
    return this.#res.write(`id: ${++this.#lastId}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #beatLater(): void {
    this.#stopHeartbeat = this.#clock.after(this.#heartbeatMs, () => {
      this.#beat();
      if (this.#open) this.#beatLater();
    });
  }

  #beat(): void {
    this.#stalledBeats = this.#res.writableNeedDrain ? this.#stalledBeats + 1 : 0;
    if (this.#stalledBeats >= MAX_STALLED_BEATS) this.#res.destroy();
    else if (this.#stalledBeats === 0) this.#res.write(": keep-alive\n\n");
  }
}

/**
 * Answers with events as they come. What is thrown becomes the last one: `failed` with its problem, or `cancelled`.
 * `passing` names events that the next one makes out of date.
 */
export async function streamEvents(
  res: ServerResponse,
  events: AsyncIterable<{ event: string; data: unknown }>,
  { passing }: { passing: readonly string[] },
): Promise<void> {
  const stream = new EventStream(res);
  try {
    for await (const { event, data } of events) {
      if (passing.includes(event)) stream.offer(event, data);
      else await stream.send(event, data);
    }
  } catch (error) {
    const problem = toProblem(error, requestId(res));
    noteProblem(res, problem, error);
    if (error instanceof Cancelled) await stream.send("cancelled", {});
    else await stream.send("failed", problem.body);
  } finally {
    stream.end();
  }
}
