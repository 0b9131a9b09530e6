import { expect, test } from "vitest";
import { faultTable, withReport } from "./table.js";

test("a row says how often a kind was tried, how often it held, and what came through", () => {
  const rows = [
    { kind: "cut | off", tried: 3, held: 3 },
    { kind: "frozen", tried: 2, held: 1, worst: "no answer\nin 90 s" },
  ];
  expect(faultTable(rows).split("\n").slice(2)).toEqual([
    "| cut \\| off | 3 | 3 | nothing |",
    "| frozen | 2 | 1 | 1: no answer in 90 s |",
  ]);
});

test("the report takes its place in the document, and nothing else changes", () => {
  const document = "# A\n\n<!-- fault-report: start -->\n\nold\n\n<!-- fault-report: end -->\n\nB\n";
  expect(withReport(document, "new")).toBe(document.replace("old", "new"));
  expect(() => withReport("# A", "new")).toThrow("has no");
});
