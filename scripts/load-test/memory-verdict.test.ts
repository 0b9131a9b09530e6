import { expect, test } from "vitest";
import { judgeMemory } from "./memory-verdict.js";

const MB = 1e6;

const series = (megabytes: (i: number) => number, length = 200) =>
  Array.from({ length }, (_, i) => ({ atS: i, memoryBytes: megabytes(i) * MB, waiting: 0, completed: 0 }));

test("memory that rises at the start only, and swings, is flat", () => {
  const verdict = judgeMemory(series((i) => Math.min(i * 10, 300) + (i % 20)));
  expect(verdict).toEqual({ warm: 311 * MB, end: 311 * MB, peak: 319 * MB, flat: true });
});

test("a leak of half a megabyte a second is growth", () => {
  const verdict = judgeMemory(series((i) => 300 + i / 2));
  expect(verdict).toEqual({ warm: 337.5 * MB, end: 387.5 * MB, peak: 399.5 * MB, flat: false });
});

test("growth is measured against the size: a tenth of a gigabyte is noise, of a small service it is not", () => {
  expect(judgeMemory(series((i) => 2000 + i / 2)).flat).toBe(true);
  expect(judgeMemory(series((i) => 50 + i / 2)).flat).toBe(false);
});

test("a short run tells nothing about growth", () => {
  expect(judgeMemory(series((i) => 300 + 10 * i, 99)).flat).toBeUndefined();
  expect(judgeMemory([])).toEqual({ warm: 0, end: 0, peak: 0, flat: undefined });
});
