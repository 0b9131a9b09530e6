/** Decoding, the engine and encoding as steps of their own: how much of each at once, and what waits for what. */
import { readConfig } from "@armature/config";
import { inflight } from "@armature/core";
import { type JobEvent, resultOf } from "@armature/jobs";
import { beforeEach, expect, test, vi } from "vitest";
import { settled } from "../../../../testing/fake-clock.js";
import { Config } from "../config.js";
import type { AnnotateOutcome } from "../engine/calls.js";
import { type AnnotateJob, annotateSpec } from "./annotate-job.js";
import { createJobs } from "./create-jobs.js";

/** Calls that begin and end as a test says. */
function step<T>() {
  const open: ((result: T) => void)[] = [];
  const begun: unknown[] = [];
  const work = (asked: unknown) => {
    begun.push(asked);
    return new Promise<T>((resolve) => open.push(resolve));
  };
  return { work, begun, endNext: (result: T) => open.shift()!(result), under: () => open.length };
}

const PICTURE = { data: new Uint8Array(3), width: 1, height: 1 };
const OUTCOME: AnnotateOutcome = { image: PICTURE, inferenceMs: 5, loadMs: 0 };
const FILE = Buffer.from("file");

let decoding = step<typeof PICTURE>();
let engine = step<AnnotateOutcome>();
let encoding = step<Buffer>();
vi.mock(import("@armature/images"), async (original) => ({
  ...(await original()),
  decodeImage: (file: Uint8Array) => decoding.work(Buffer.from(file).toString()),
  encodeImage: (image: object) => encoding.work(image),
}));
beforeEach(() => {
  decoding = step();
  engine = step();
  encoding = step();
});

const observer = { started: () => {}, finished: () => {}, refused: () => {}, storeFailed: () => {} };

/** Submits `count` pictures one after another; gives the jobs and their ends. */
async function annotations(count: number) {
  const sources = { maxBodyBytes: 1000, sources: undefined };
  const jobs = createJobs(readConfig(Config, {}), {
    ...sources,
    inflight: inflight(1e8),
    observer,
    warn: () => {},
    runEngine: ({ image }) => engine.work(image),
  });
  const ends: Promise<unknown>[] = [];
  for (let i = 0; i < count; i++) {
    const wanted = { processor: "canny", options: {}, formats: ["png"], image: Buffer.from(`${i}`) } as const;
    const { spec, files } = await annotateSpec(wanted, sources, { client: "one" });
    ends.push(resultOf<AnnotateJob>(jobs.follow(spec, { files }) as AsyncIterable<JobEvent<AnnotateJob>>));
    await quiet();
  }
  return { jobs, ends };
}

/** Lets all that was begun come as far as it can. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await settled();
}

/** Ends what is open until nothing more is done. */
async function endAll(): Promise<void> {
  for (await quiet(); decoding.under() + engine.under() + encoding.under() > 0; await quiet()) {
    if (decoding.under() > 0) decoding.endNext(PICTURE);
    if (engine.under() > 0) engine.endNext(OUTCOME);
    if (encoding.under() > 0) encoding.endNext(FILE);
  }
}

test("two pictures are decoded ahead, the others wait as they came; the engine has one that is decoded", async () => {
  const { jobs, ends } = await annotations(6);
  expect([decoding.begun, engine.begun.length, (await jobs.snapshot()).running]).toEqual([["0", "1"], 0, 0]);
  decoding.endNext(PICTURE);
  await quiet();
  expect([decoding.begun, engine.begun.length]).toEqual([["0", "1", "2"], 1]);
  for (const _ of [1, 2]) decoding.endNext(PICTURE);
  await quiet();
  expect([decoding.begun.length, engine.begun.length]).toEqual([3, 1]);
  expect(await jobs.snapshot()).toMatchObject({ waiting: 5, running: 1 });
  await endAll();
  expect(await Promise.all(ends)).toEqual(ends.map(() => ({ format: "png", width: 1, height: 1, inferenceMs: 5 })));
});

test("the engine goes on while pictures are encoded, until an encoder is behind", async () => {
  const { ends } = await annotations(7);
  for (let finished = 1; finished <= 4; finished++) {
    while (decoding.under() > 0) {
      decoding.endNext(PICTURE);
      await quiet();
    }
    engine.endNext(OUTCOME);
    await quiet();
    expect([finished, encoding.begun.length]).toEqual([finished, Math.min(finished, 2)]);
  }
  expect(engine.begun).toHaveLength(4); // two with the encoders, one before them, one that keeps the slot
  encoding.endNext(FILE);
  await quiet();
  expect(engine.begun).toHaveLength(5);
  await endAll();
  await Promise.all(ends);
});
