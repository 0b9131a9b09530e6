/** Cores are busy while asked, and no longer; a report tells which tests failed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { keepBusy } from "./busy-suite/busy-cores.js";
import { type RunResult, readReport, runLines, verdict } from "./busy-suite/run-report.js";

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("one process per core spins until it is stopped", async () => {
  const busy = await keepBusy(2);
  expect(busy.pids.map(lives)).toEqual([true, true]);
  await busy.stop();
  expect(busy.pids.map(lives)).toEqual([false, false]);
});

test("they end when the process that started them is killed", async () => {
  const module = fileURLToPath(new URL("./dist/busy-suite/busy-cores.js", import.meta.url));
  const start = `import(${JSON.stringify(module)}).then(async ({ keepBusy }) => console.log(...(await keepBusy(1)).pids))`;
  const parent = spawn(process.execPath, ["-e", start], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(parent.stdout, "data");
  const pid = Number(String(line));
  expect(lives(pid)).toBe(true);
  parent.kill("SIGKILL");
  await expect.poll(() => lives(pid), { timeout: 30_000 }).toBe(false);
});

const FILE = {
  name: "/root/shared/a.test.ts",
  status: "failed",
  message: "",
  assertionResults: [
    { fullName: "a group a test", status: "failed" },
    { fullName: "another test", status: "passed" },
  ],
};
const BROKEN = { name: "/root/b.test.ts", status: "failed", message: "no module\nmore", assertionResults: [] };

test("a report gives the names of tests that failed, and of files that failed as a whole", () => {
  const report = { numPassedTests: 1, numPendingTests: 3, testResults: [FILE, BROKEN] };
  const result = readReport(JSON.stringify(report), "/root", 12.3);
  expect(runLines(result, 2, 5)).toBe(
    [
      "run 2/5: 1 passed, 2 failed, 3 skipped, 12 s",
      "  shared/a.test.ts > a group a test",
      "  b.test.ts: no module",
    ].join("\n"),
  );
});

test("one failure in one run fails them all, and is counted", () => {
  const run = (...failed: string[]): RunResult => ({ passed: 9, skipped: 0, failed, seconds: 1 });
  expect(verdict([run(), run()], 2)).toEqual({ passed: true, text: "2 of 2 runs passed with 2 cores kept busy" });
  expect(verdict([run("x"), run(), run("x", "y")], 2)).toEqual({
    passed: false,
    text: ["1 of 3 runs passed with 2 cores kept busy", "  failed in 2 of 3: x", "  failed in 1 of 3: y"].join("\n"),
  });
});
