import { expect, test } from "vitest";
import { htmlReport, type LoadTestResult } from "./report.js";

const RESULT: LoadTestResult = {
  scenario: "spike",
  date: "2026-01-02T03:04:05.000Z",
  machine: "2 CPUs, Example <1 GHz>",
  settings: { PICTURE_S: "0.4" },
  exitCode: 99,
  k6: {
    metrics: {
      wrong_answers: { type: "counter", values: { count: 0 }, thresholds: { "count==0": { ok: true } } },
      health_duration: {
        type: "trend",
        values: { med: 3, "p(99)": 123.456 },
        thresholds: { "p(99)<100": { ok: false } },
      },
    },
  },
  claims: [{ metric: "slowdown", claim: "<=2", found: 1.234, ok: true }],
  memory: { diffusion: { warm: 300e6, end: 310e6, peak: 320e6, flat: true } },
  waitingMost: 16,
  mayWait: 16,
  samples: {
    diffusion: [
      { atS: 0, memoryBytes: 300e6, waiting: 0, completed: 0 },
      { atS: 10, memoryBytes: 310e6, waiting: 16, completed: 25 },
    ],
  },
};

test("the page shows each claim with what was found, and which does not hold", () => {
  const page = htmlReport(RESULT);
  expect(page).toContain('Load test spike: <span class="no">failed</span>');
  expect(page).toContain('<td class="ok">ok</td><td>wrong_answers</td><td>count==0</td><td>0</td>');
  expect(page).toContain('<td class="no">no</td><td>health_duration</td><td>p(99)&lt;100</td><td>123.46</td>');
  expect(page).toContain('<td class="ok">ok</td><td>slowdown</td><td>&lt;=2</td><td>1.23</td>');
  expect(htmlReport({ ...RESULT, exitCode: 0 })).toContain('<span class="ok">passed</span>');
});

test("memory, queue and throughput are shown, and no text becomes markup", () => {
  const page = htmlReport(RESULT);
  expect(page).toContain("<td>300 MB</td><td>310 MB</td><td>320 MB</td>");
  expect(page).toContain("diffusion: jobs completed a second: up to 2.50, over 10 s");
  expect(page).toContain('points="0.0,150.0 1000.0,10.0"'); // 0 waiting at the bottom left, 16 at the top right
  expect(page).toContain("Example &lt;1 GHz&gt;");
});
