/** What a terminal and a log file see while weights come. */
import type { FetchEvent, Plan, PlannedFile } from "@armature/fetch";
import { expect, test } from "vitest";
import { bytesText, timeText } from "./amounts.js";
import { progressView } from "./progress-view.js";

const FILE: PlannedFile = {
  repository: "some/model",
  commit: "c".repeat(40),
  path: "unet/model.safetensors",
  size: 400e6,
  hash: { sha256: "a".repeat(64) },
  target: "/models/some/model/unet/model.safetensors",
  state: "missing",
  bytesHere: 0,
};

const PLAN: Plan = {
  dir: "/models",
  repositories: [
    {
      repository: "some/model",
      revision: "main",
      commit: FILE.commit,
      labels: ["some/model"],
      licence: undefined,
      alternatives: [],
      servedBy: "some/model",
      pinned: false,
      repositoryBytes: 400e6,
      files: [FILE],
    },
  ],
  notes: [],
  totalBytes: 400e6,
  writeBytes: 400e6,
  fetchBytes: 400e6,
  cloneBytes: 400e6,
};

/** Feeds `seconds` of a download at 50 MB/s, an event every half second. */
function watch(seconds: number, isTTY: boolean, last: FetchEvent[] = []): string {
  let clock = 0;
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  const screen = { isTTY, columns: 80, write };
  const view = progressView(PLAN, screen, () => clock);
  for (let tick = 1; tick <= seconds * 2; tick++) {
    clock = tick * 500;
    view.event({ kind: "bytes", file: FILE, done: tick * 25e6 });
  }
  for (const event of last) view.event(event);
  view.end();
  return written;
}

test("a terminal gets a bar a file and a total with rate and time left, within its width", () => {
  const lines = watch(4, true).split("\n");
  expect(lines[0]).toBe("\x1b[J[############------------]  50%  some/model/unet/model.safetensors ");
  expect(lines[1]).toBe("200 MB of 400 MB  50.0 MB/s  4 s left");
  expect(lines.every((line) => line.replace("\x1b[J", "").length < 80)).toBe(true);
});

test("a bar says why it stands still", () => {
  const retry: FetchEvent = { kind: "retry", file: FILE, message: "cut", waitMs: 1000 };
  expect(watch(4, true, [retry])).toContain("model.safetensors again in 1 s: cut");
  const longer: FetchEvent = {
    ...retry,
    message: "the connection to the mirror was cut in the middle of the file",
    waitMs: 9e3,
  };
  const line = watch(4, true, [longer])
    .split("\n")
    .find((text) => text.includes("again"));
  expect(line).toMatch(/…\S+\.safetensors again in 9 s: the connect/);
  expect(line!.replace("\x1b[J", "").length).toBeLessThan(80);
  const discarded: FetchEvent = { kind: "discarded", file: FILE, message: "wrong" };
  expect(watch(4, true, [discarded])).toMatch(/\[-{24}\] {3}0% .* wrong hash,/);
});

test("elsewhere: a line now and then, one for each thing that happened, no control characters", () => {
  const text = watch(8, false, [
    { kind: "retry", file: FILE, message: "the connection was cut", waitMs: 1500 },
    { kind: "complete", file: FILE, how: "fetched" },
    { kind: "complete", file: FILE, how: "fetched", servedBy: "other/copy" },
  ]);
  expect(text).toBe(
    "some/model/unet/model.safetensors: the connection was cut; again in 2 s\n" +
      "some/model/unet/model.safetensors: complete, hash agrees\n" +
      "some/model/unet/model.safetensors: complete, hash agrees (from other/copy)\n",
  );
  expect(watch(25, false).split("\n").length).toBe(3);
});

test("amounts for people", () => {
  expect([0, 999, 1000, 34_000, 722_600_000, 60.8e9].map(bytesText)).toEqual([
    "0 B",
    "999 B",
    "1.00 KB",
    "34.0 KB",
    "723 MB",
    "60.8 GB",
  ]);
  expect([0.2, 59, 61, 3700, Number.POSITIVE_INFINITY].map(timeText)).toEqual([
    "1 s",
    "59 s",
    "1 min 1 s",
    "1 h 1 min",
    "?",
  ]);
});
