import { expect, test } from "vitest";
import { judgeSoak, type SoakSample, soakReport } from "./report.js";

const MB = 1e6;

/** 120 generations; `at` says what differs from a flat one. */
function samples(at: (i: number) => Partial<SoakSample> = () => ({})): SoakSample[] {
  return Array.from({ length: 120 }, (_, i) => ({ memoryBytes: 500 * MB, deviceTensors: 0, seconds: 2, ...at(i) }));
}

test("flat memory and nothing left is well, with the figures of start, middle and end", () => {
  const flat = samples((i) => ({ memoryBytes: (i < 6 ? 300 : 500 + (i % 7)) * MB }));
  expect(judgeSoak(flat)).toEqual({ failures: [] });
  const report = soakReport(flat, judgeSoak(flat));
  expect(report).toMatch(/start +6 +300 MB +0/);
  expect(report).toMatch(/middle +60 +503 MB +0/);
  expect(report).toMatch(/end +120 +500 MB +0/);
  expect(report).toContain("120 generations in 4.0 minutes, 2.0 s each (median)");
});

test("a megabyte more with each generation is growth", () => {
  const growing = samples((i) => ({ memoryBytes: (500 + i) * MB }));
  expect(judgeSoak(growing).failures).toEqual([expect.stringMatching(/memory grew from 5\d\d MB to 6\d\d MB/)]);
});

test("a single tensor left on the device is a leak, though it be freed later", () => {
  const leaking = samples((i) => ({ deviceTensors: i === 50 ? 1 : 0 }));
  expect(judgeSoak(leaking).failures).toEqual(["jobs left up to 1 tensors on the device"]);
  expect(soakReport(leaking, judgeSoak(leaking))).toContain("NOT WELL: jobs left");
});

test("a short run says that it cannot tell", () => {
  const short = samples().slice(0, 20);
  expect(judgeSoak(short)).toEqual({ failures: [], remark: expect.stringContaining("too few") });
});
