/** Progress while fetching: bars with rate and time left on a terminal, a line now and then elsewhere. */
import type { FetchEvent, Plan } from "@armature/fetch";
import { bytesText, timeText } from "./amounts.js";

interface Screen {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

interface ProgressView {
  event(event: FetchEvent): void;
  /** Leaves the screen to others. */
  end(): void;
}

const REDRAW_MS = 100;
const PLAIN_EVERY_MS = 10_000;
/** The rate is that of the last seconds. */
const RATE_WINDOW_MS = 8000;
const BAR_WIDTH = 24;
/** Columns that are kept free of a file's name, and the share of them that why it waits may take. */
const SHORTEST_WORD = 9;
const LONGEST_WORD = 0.6;

export function progressView(plan: Plan, screen: Screen, now: () => number): ProgressView {
  const tracker = new Tracker(plan, now);
  return screen.isTTY ? new Bars(tracker, screen) : new Lines(tracker, screen);
}

/** Bytes of each file that are there, and how fast they come. */
class Tracker {
  /** Files under way: bytes done. */
  readonly active = new Map<string, { name: string; size: number; done: number; word: string }>();
  readonly totalBytes: number;
  #doneBytes = 0;
  #samples: { at: number; bytes: number }[] = [];

  constructor(
    plan: Plan,
    readonly now: () => number,
  ) {
    const files = plan.repositories.flatMap(({ files }) => files);
    const todo = files.filter(({ state }) => state !== "present");
    this.totalBytes = todo.reduce((sum, { size }) => sum + size, 0);
    this.#samples.push({ at: now(), bytes: 0 });
  }

  take(event: FetchEvent): void {
    const { file } = event;
    const key = `${file.repository}/${file.path}`;
    if (event.kind === "complete") {
      const before = this.active.get(key)?.done ?? 0;
      this.#doneBytes += file.size - before;
      this.active.delete(key);
      return;
    }
    const entry = this.active.get(key) ?? { name: key, size: file.size, done: 0, word: "" };
    this.active.set(key, entry);
    entry.word = wordOf(event);
    if (event.kind !== "bytes" && event.kind !== "hashed" && event.kind !== "discarded") return;
    const done = event.kind === "discarded" ? 0 : event.done;
    const first = entry.done === 0 && this.#doneBytes === 0;
    this.#doneBytes += done - entry.done;
    entry.done = done;
    // What an earlier run left is no speed of ours.
    if (first) this.#samples = [{ at: this.now(), bytes: this.#doneBytes }];
    this.#sample();
  }

  summary(): string {
    const rate = this.#rate();
    const left = rate > 0 ? timeText((this.totalBytes - this.#doneBytes) / rate) : "?";
    return `${bytesText(this.#doneBytes)} of ${bytesText(this.totalBytes)}  ${bytesText(rate)}/s  ${left} left`;
  }

  #sample(): void {
    const at = this.now();
    if (at - (this.#samples.at(-1)?.at ?? 0) < REDRAW_MS) return;
    this.#samples.push({ at, bytes: this.#doneBytes });
    while (this.#samples.length > 2 && at - this.#samples[0]!.at > RATE_WINDOW_MS) this.#samples.shift();
  }

  /** Bytes a second. */
  #rate(): number {
    const first = this.#samples[0];
    const seconds = first ? (this.now() - first.at) / 1000 : 0;
    return first && seconds > 0 ? Math.max(0, this.#doneBytes - first.bytes) / seconds : 0;
  }
}

/** What stands beside a bar: why it does not grow. */
function wordOf(event: Exclude<FetchEvent, { kind: "complete" }>): string {
  switch (event.kind) {
    case "bytes":
      return "";
    case "hashed":
      return "hashing";
    case "waiting":
      return "another process fetches it";
    case "retry":
      return `again in ${timeText(event.waitMs / 1000)}: ${event.message}`;
    case "discarded":
      return "wrong hash, again";
  }
}

class Bars implements ProgressView {
  #drawnLines = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly tracker: Tracker,
    private readonly screen: Screen,
  ) {
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS).unref();
  }

  event(event: FetchEvent): void {
    this.tracker.take(event);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#draw();
  }

  #draw(): void {
    const columns = this.screen.columns ?? 80;
    const files = [...this.tracker.active.values()].map(({ name, size, done, word }) => {
      const share = size > 0 ? done / size : 1;
      const bar = "#".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, "-");
      const tail = word.slice(0, Math.floor((columns - BAR_WIDTH - 10) * LONGEST_WORD));
      const width = columns - BAR_WIDTH - 11 - Math.max(tail.length, SHORTEST_WORD);
      const short = name.length > width ? `…${name.slice(1 - width)}` : name;
      return `[${bar}] ${String(Math.floor(share * 100)).padStart(3)}%  ${short} ${tail}`;
    });
    const lines = [...files, this.tracker.summary()].map((line) => line.slice(0, columns - 1));
    const up = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A` : "";
    this.screen.write(`${up}\x1b[J${lines.join("\n")}\n`);
    this.#drawnLines = lines.length;
  }
}

class Lines implements ProgressView {
  #lastAt: number;

  constructor(
    private readonly tracker: Tracker,
    private readonly screen: Screen,
  ) {
    this.#lastAt = tracker.now();
  }

  event(event: FetchEvent): void {
    this.tracker.take(event);
    const name = `${event.file.repository}/${event.file.path}`;
    const note = noteOf(event);
    if (note) this.screen.write(`${name}: ${note}\n`);
    if (this.tracker.now() - this.#lastAt < PLAIN_EVERY_MS) return;
    this.#lastAt = this.tracker.now();
    this.screen.write(`${this.tracker.summary()}\n`);
  }

  end(): void {}
}

function noteOf(event: FetchEvent): string | undefined {
  if (event.kind === "complete" && event.how === "adopted") return "was here, hash agrees";
  if (event.kind === "complete") return `complete, hash agrees${event.servedBy ? ` (from ${event.servedBy})` : ""}`;
  if (event.kind === "retry") return `${event.message}; again in ${timeText(event.waitMs / 1000)}`;
  if (event.kind === "waiting") return "another process fetches it; waiting";
  if (event.kind === "discarded") return `thrown away: ${event.message}`;
  return undefined;
}
