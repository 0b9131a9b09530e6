import { expect, test } from "vitest";
import { AnnotationAllowances } from "./annotation-allowance.js";

const picture = (side: number, processor = "canny") => ({
  processor,
  image: { width: side, height: side, data: new Uint8Array() },
});
const allowances = (ownThreads = true) => new AnnotationAllowances({ maxJobMs: 300_000, ownThreads });
const annotating = { stage: "annotating" } as const;

test("a picture may take ten times the slowest before it of the same processor, by the pixel", () => {
  const known = allowances();
  const allowed = (side: number, processor?: string) => known.annotating(picture(side, processor))(annotating, 0).ms;
  expect(allowed(100)).toBe(300_000);
  known.note(picture(100), 5000);
  known.note(picture(100), 4000);
  expect(allowed(100)).toBe(50_000);
  expect(allowed(200)).toBe(200_000);
  expect(allowed(1000)).toBe(300_000); // no more than one picture may take
  expect(allowed(10)).toBe(30_000);
  expect(allowed(100, "depth_midas")).toBe(300_000);
});

test("loading is bounded by its idleness, and on the CPU a picture that is lost then is tried once more", () => {
  const loading = { what: "loading", ms: 300_000, idleMs: 60_000, leastCpuMs: 30_000, mostCpuMs: 60_000 };
  expect(allowances().annotating(picture(8))(undefined, 0)).toEqual({ ...loading, repeatable: true });
  expect(allowances().annotating(picture(8))({ stage: "loading", bytes: 5e8 }, 0).mostCpuMs).toBe(150_000);
  expect(allowances(false).annotating(picture(8))({ stage: "residency", loaded: [] }, 0)).toEqual({
    ...loading,
    repeatable: false,
  });
});

test("a process that computes with its own threads may not be idle; one whose GPU computes may", () => {
  expect(allowances().annotating(picture(8))(annotating, 0).idleMs).toBe(60_000);
  const onDevice = allowances(false);
  onDevice.note(picture(8), 1);
  expect(onDevice.annotating(picture(8))(annotating, 0)).toEqual({ what: "canny", ms: 300_000 });
});
